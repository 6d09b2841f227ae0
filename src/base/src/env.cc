#include <fmt/format.h>

#include <cstdlib>

#include "skep/base/config.h"

namespace skep {
namespace {

bool is_name(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || !letter(text[0])) return false;
  return text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

// What stands between the braces: NAME or NAME:-default.
Result<std::string> expand_reference(std::string_view inner, const EnvLookup& env) {
  std::size_t colon = inner.find(":-");
  std::string_view name = inner.substr(0, colon);
  if (!is_name(name))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no name of an environment variable", name));
  std::optional<std::string> value = env ? env(name) : std::nullopt;
  if (value && !value->empty()) return *std::move(value);
  if (colon != std::string_view::npos) return std::string(inner.substr(colon + 2));
  return fail(Code::kNotFound, fmt::format("environment variable {} is not set", name));
}

}  // namespace

EnvLookup process_env() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Result<std::string> expand_env(std::string_view text, const EnvLookup& env) {
  std::string out;
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$')) {
    out.append(text.substr(0, at));
    text.remove_prefix(at + 1);
    if (text.starts_with('$')) {
      out.push_back('$');
      text.remove_prefix(1);
      continue;
    }
    if (!text.starts_with('{'))
      return fail(Code::kInvalid, "a lone $; write $$ for a dollar sign, ${NAME} for a variable");
    std::size_t close = text.find('}');
    if (close == std::string_view::npos) return fail(Code::kInvalid, "${ without a closing brace");
    SKEP_TRY(std::string value, expand_reference(text.substr(1, close - 1), env));
    out.append(value);
    text.remove_prefix(close + 1);
  }
  return out.append(text);
}

}  // namespace skep
