#include "url_join.h"

#include <algorithm>
#include <vector>

#include "skep/base/text.h"

namespace skep::tools {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;

std::string_view scheme_of(std::string_view url) {
  std::size_t colon = url.find(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  std::string_view scheme = url.substr(0, colon);
  bool valid = std::ranges::all_of(scheme, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  });
  return valid ? scheme : std::string_view();
}

std::string without_dots(std::string_view path) {
  std::vector<std::string> kept;
  std::vector<std::string_view> segments = split(path, '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    bool last = i + 1 == segments.size();
    bool dots = segments[i] == "." || segments[i] == "..";
    if (segments[i] == ".." && kept.size() > 1) kept.pop_back();
    if (!dots) kept.emplace_back(segments[i]);
    if (dots && last) kept.emplace_back();
  }
  return join(kept, "/");
}

}  // namespace

std::string join_url(std::string_view base, std::string_view reference) {
  if (reference.empty() || reference.starts_with('#') || reference.size() > kUrlBytesMax) return {};
  std::string_view scheme = scheme_of(reference);
  if (!scheme.empty()) {
    static constexpr std::string_view kUseful[] = {"http", "https", "mailto", "xmpp", "tel"};
    bool useful = std::ranges::find(kUseful, to_lower_ascii(scheme)) != std::end(kUseful);
    return useful ? std::string(reference) : std::string();
  }
  std::size_t authority = base.find("://");
  if (authority == std::string_view::npos) return {};
  if (reference.starts_with("//"))
    return fmt::format("{}:{}", base.substr(0, authority), reference);
  base = base.substr(0, base.find('#'));
  std::size_t path_at = std::min(base.find_first_of("/?", authority + 3), base.size());
  std::string_view origin = base.substr(0, path_at);
  std::string_view path = base.substr(path_at);
  path = path.substr(0, path.find('?'));
  if (reference.starts_with('?'))
    return fmt::format("{}{}{}", origin, path.empty() ? "/" : path, reference);
  std::size_t tail_at = std::min(reference.find_first_of("?#"), reference.size());
  std::string_view tail = reference.substr(tail_at);
  std::string_view relative = reference.substr(0, tail_at);
  if (relative.starts_with('/')) return fmt::format("{}{}{}", origin, without_dots(relative), tail);
  std::size_t slash = path.rfind('/');
  std::string_view directory = slash == std::string_view::npos ? "/" : path.substr(0, slash + 1);
  return fmt::format("{}{}{}", origin, without_dots(fmt::format("{}{}", directory, relative)),
                     tail);
}

}  // namespace skep::tools
