#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 1
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "config_node.h"

namespace skep::detail {
namespace {

std::unique_ptr<ConfigNode> convert(const toml::node& from);

void convert_table(const toml::table& from, ConfigNode& to) {
  for (const auto& [key, value] : from) {
    auto child = convert(value);
    child->key = std::string(key.str());
    if (child->line == 0) child->line = static_cast<std::uint32_t>(key.source().begin.line);
    to.children.push_back(std::move(child));
  }
  std::ranges::stable_sort(to.children, {}, [](const auto& child) { return child->line; });
}

void convert_array(const toml::array& from, ConfigNode& to) {
  for (const toml::node& value : from) to.children.push_back(convert(value));
}

std::string as_written(const toml::node& time) {
  std::ostringstream out;
  time.visit([&](const auto& value) {
    if constexpr (toml::is_chronological<decltype(value)>) out << *value;
  });
  return out.str();
}

// Recursion is bounded by the parser's own nesting limit (TOML_MAX_NESTED_VALUES).
std::unique_ptr<ConfigNode> convert(const toml::node& from) {
  auto to = std::make_unique<ConfigNode>();
  to->line = static_cast<std::uint32_t>(from.source().begin.line);
  switch (from.type()) {
    case toml::node_type::table: convert_table(*from.as_table(), *to); break;
    case toml::node_type::array:
      to->kind = ConfigKind::kArray;
      convert_array(*from.as_array(), *to);
      break;
    case toml::node_type::string:
      to->kind = ConfigKind::kString;
      to->text = **from.as_string();
      break;
    case toml::node_type::integer:
      to->kind = ConfigKind::kInteger;
      to->integer = **from.as_integer();
      break;
    case toml::node_type::floating_point:
      to->kind = ConfigKind::kFloat;
      to->number = **from.as_floating_point();
      break;
    case toml::node_type::boolean:
      to->kind = ConfigKind::kBoolean;
      to->boolean = **from.as_boolean();
      break;
    default:
      to->kind = ConfigKind::kTime;
      to->text = as_written(from);
      break;
  }
  return to;
}

}  // namespace

Result<std::unique_ptr<ConfigNode>> parse_toml(std::string_view toml_text, std::string_view name) {
  toml::parse_result parsed = toml::parse(toml_text, name);
  if (parsed) return convert(parsed.table());
  const toml::parse_error& error = parsed.error();
  return fail(Code::kInvalid, fmt::format("{}:{}:{}: {}", name, error.source().begin.line,
                                          error.source().begin.column, error.description()));
}

}  // namespace skep::detail
