#include "workspace_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "skep/base/text.h"
#include "skep/tools/workspace.h"

namespace skep::tools {
namespace {

constexpr std::size_t kNameBytesMax = 255;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Result<std::string> workspace_path(std::string_view text) {
  if (text.empty()) return fail(Code::kInvalid, "the path is empty");
  if (text.size() > Workspace::path_bytes_max)
    return fail(Code::kInvalid,
                fmt::format("the path is over {} bytes", Workspace::path_bytes_max));
  if (std::ranges::any_of(text, is_control) || !is_valid_utf8(text))
    return fail(Code::kInvalid, "the path has control characters");
  std::string_view rest = text;
  if (rest.starts_with('/')) {
    const std::string_view below = rest.substr(std::min(rest.size(), workspace_at.size()));
    if (!rest.starts_with(workspace_at) || !(below.empty() || below.starts_with('/')))
      return fail(Code::kDenied,
                  fmt::format("{} is outside the workspace; give a path relative to it", text));
    rest = below;
  }
  std::string path;
  for (const std::string_view step : split(rest, '/')) {
    if (step.empty() || step == ".") continue;
    if (step == "..")
      return fail(Code::kDenied,
                  fmt::format("{} has \"..\"; give a path relative to the workspace", text));
    if (step.size() > kNameBytesMax)
      return fail(Code::kInvalid,
                  fmt::format("a name in the path is over {} bytes", kNameBytesMax));
    if (!path.empty()) path += '/';
    path += step;
  }
  return path.empty() ? "." : path;
}

std::string path_resource(std::string_view text) {
  const auto path = workspace_path(text);
  if (!path) return text.empty() ? std::string("/") : std::string(text);
  return *path == "." ? std::string("/") : *path;
}

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view(".") : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace skep::tools
