#include "config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "skep/base/secret.h"
#include "skep/base/text.h"

namespace skep::kernel {
namespace {

constexpr std::size_t kBytesMax = 6000;
constexpr std::size_t kValueBytesMax = 300;

// By its name: what a key holds is not always seen by looking at it.
bool is_secret(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  const std::string name =
      to_lower_ascii(dot == std::string_view::npos ? key : key.substr(dot + 1));
  if (name.ends_with("_file")) return false;
  constexpr std::array kWords{"password", "secret", "api_key", "token"};
  return name == "key" || name == "url" || std::ranges::any_of(kWords, [&](std::string_view word) {
           return name == word || name.ends_with(std::string("_") + std::string(word)) ||
                  name == std::string(word) + "s";
         });
}

bool is_in(std::string_view key, std::string_view section) {
  if (section.empty() || key == section) return true;
  if (!key.starts_with(section)) return false;
  const char next = key[section.size()];
  return next == '.' || next == '[';
}

}  // namespace

std::string config_text(const std::map<std::string, std::string>& keys, std::string_view section) {
  section = trim(section);
  if (section.starts_with('[') && section.ends_with(']'))
    section = section.substr(1, section.size() - 2);
  std::string text;
  std::size_t left = 0;
  for (const auto& [key, value] : keys) {
    if (!is_in(key, section)) continue;
    const std::string shown =
        is_secret(key) ? std::string("(not shown)") : redact(value, kValueBytesMax);
    const std::string line = fmt::format("{} = {}\n", key, shown);
    if (text.size() + line.size() > kBytesMax)
      ++left;
    else
      text += line;
  }
  if (text.empty()) return section.empty() ? "Everything is as it comes." : "Nothing is set there.";
  text.pop_back();
  if (left > 0) text += fmt::format("\n{} more; /config and a section shows less.", left);
  return text;
}

}  // namespace skep::kernel
