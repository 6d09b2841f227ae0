#include "skep/base/text.h"
#include "skep/net/http_client.h"

namespace skep::net {

std::string_view find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (equals_ignoring_ascii_case(key, name)) return value;
  }
  return {};
}

}  // namespace skep::net
