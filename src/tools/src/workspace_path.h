// Paths as a model writes them.
#pragma once

#include <string>
#include <string_view>

#include "skep/base/result.h"

namespace skep::tools {

// Relative to the workspace, "." for itself: "./a//b/" and "/workspace/a/b" are "a/b". kInvalid for
// what is empty, too long or has control characters; kDenied for what leads out: "..", or another
// absolute path.
Result<std::string> workspace_path(std::string_view text);
// As a capability names it: the same, "/" for the workspace itself; what is no path, as it stands.
std::string path_resource(std::string_view text);
// "a/b/c" -> "a/b"; "c" -> ".".
std::string_view folder_of(std::string_view path);
std::string_view name_of(std::string_view path);

}  // namespace skep::tools
