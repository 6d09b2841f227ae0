// The library asserts where it should refuse ("[ ?"), and under NDEBUG goes on with undefined behaviour. Its assertions are
// made exceptions here, in every build, and caught beside the call.
#undef NDEBUG
namespace skep::detail {
struct TomlAssertion {};
}  // namespace skep::detail
#define TOML_ASSERT(expr) \
  do {                    \
    if (!(expr)) throw ::skep::detail::TomlAssertion{}; \
  } while (false)
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "config_node.h"
#include "skep/base/text.h"

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

// TOML allows no control characters but tab and line ends. The library asserts on some of them (a NUL in a table's name)
// instead of refusing, so they are looked for first.
Result<void> refuse_control_characters(std::string_view text, std::string_view name) {
  auto forbidden = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
  };
  auto at = std::ranges::find_if(text, forbidden);
  if (at == text.end()) return {};
  std::string_view before(text.begin(), at);
  std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0: the first line
  return fail(Code::kInvalid, fmt::format("{}:{}:{}: a control character (0x{:02x}) is not allowed", name,
                                          std::ranges::count(before, '\n') + 1, column, static_cast<unsigned char>(*at)));
}

// The line of the first table name that begins with a character no name may begin with: the one mistake known to trip an
// assertion. 0 when there is none.
std::size_t line_of_bad_table_name(std::string_view text) {
  static constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-\"'";
  std::vector<std::string_view> lines = split(text, '\n');
  auto bad = std::ranges::find_if(lines, [](std::string_view line) {
    line = trim(line);
    if (!line.starts_with('[')) return false;
    std::size_t first = line.find_first_not_of("[ \t");
    return first != std::string_view::npos && kAllowed.find(line[first]) == std::string_view::npos;
  });
  return bad == lines.end() ? 0 : static_cast<std::size_t>(bad - lines.begin()) + 1;
}

}  // namespace

Result<std::unique_ptr<ConfigNode>> parse_toml(std::string_view toml_text, std::string_view name) {
  SKEP_TRY_VOID(refuse_control_characters(toml_text, name));
  try {
    return convert(toml::parse(toml_text, name));
  } catch (const toml::parse_error& error) {
    return fail(Code::kInvalid, fmt::format("{}:{}:{}: {}", name, error.source().begin.line,
                                            error.source().begin.column, error.description()));
  } catch (const TomlAssertion&) {
    std::size_t line = std::max<std::size_t>(1, line_of_bad_table_name(toml_text));
    return fail(Code::kInvalid, fmt::format("{}:{}:1: bad name of a table or key", name, line));
  }
}

}  // namespace skep::detail
