// HTTP/1.1 answers as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "skep/net/http_client.h"

namespace skep::net {

std::string_view reason_phrase(int status);
// RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", now.
std::string http_date();
// 1xx, 204 and 304 have no body (RFC 9112 6.3).
bool has_body(int status);

struct ResponseHead {
  int status = 200;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;  // else `content_length`
  std::optional<std::size_t> content_length;
};
// Framing headers among `headers` are dropped: they are ours to say. kInvalid on a name or value
// that would break the head.
Result<std::string> format_head(const ResponseHead& head, const Headers& headers);
// {"error":{"code":"too-large","message":"…"}}
std::string error_body(std::string_view code, std::string_view message);
// The name of an error status in error_body.
std::string_view error_code_of(int status);

}  // namespace skep::net
