// Links of a page as absolute addresses.
#pragma once

#include <string>
#include <string_view>

namespace skep::tools {

// RFC 3986 5.2 for http and https bases. Empty for what a reader cannot follow: fragments,
// javascript:, data: and the like.
std::string join_url(std::string_view base, std::string_view reference);

}  // namespace skep::tools
