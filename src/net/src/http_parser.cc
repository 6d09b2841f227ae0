#include "http_parser.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "skep/base/text.h"

namespace skep::net {
namespace {

namespace http = boost::beast::http;

std::unexpected<HttpRefusal> refuse(int status, std::string message) {
  return std::unexpected(HttpRefusal{status, std::move(message)});
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "http://host/path" (RFC 9112 3.2.2) to "/path"; other forms as they are.
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!starts_with_ignoring_ascii_case(target, scheme)) continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

struct RequestParser::Impl {
  http::request_parser<http::string_body> parser;
  ServerRequest
      request;  // filled from the head when that is complete, so that trailers cannot add to it
  std::size_t head_bytes_max = 0;
  std::size_t head_bytes = 0;
  bool head_done = false;
};

RequestParser::RequestParser(const HttpServerLimits& limits) : impl_(std::make_unique<Impl>()) {
  impl_->head_bytes_max = limits.header_bytes_max;
  impl_->parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  impl_->parser.body_limit(limits.body_bytes_max);
}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

std::expected<std::size_t, HttpRefusal> RequestParser::feed(std::string_view bytes) {
  boost::system::error_code error;
  std::size_t used = 0;
  while (used < bytes.size() && !impl_->parser.is_done()) {
    const std::string_view rest = bytes.substr(used);
    const std::size_t eaten =
        impl_->parser.put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    used += eaten;
    if (!impl_->head_done) impl_->head_bytes += eaten;
    // Beast counts the request line and the fields each on their own when they come together.
    if (error == http::error::header_limit || impl_->head_bytes > impl_->head_bytes_max) {
      return refuse(431, "the request's head is too large");
    }
    if (error == http::error::need_more) break;
    if (error == http::error::body_limit) return refuse(413, "the request's body is too large");
    if (error) return refuse(400, "malformed request: " + error.message());
    if (impl_->parser.is_header_done() && !std::exchange(impl_->head_done, true)) {
      if (auto head = finish_head(); !head) return std::unexpected(std::move(head).error());
      // Only now, because trailers would join the headers if they came in the same piece.
      impl_->parser.eager(true);
      continue;
    }
    if (eaten == 0) break;
  }
  return used;
}

std::expected<void, HttpRefusal> RequestParser::finish_head() {
  const auto& message = impl_->parser.get();
  if (message.version() != 11 && message.version() != 10)
    return refuse(400, "HTTP version is not 1.0 or 1.1");
  // RFC 9112 3.2: exactly one Host in HTTP/1.1.
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11))
    return refuse(400, "request needs one Host header");
  // RFC 9112 6.1: a body of unknown end would be read as the next request.
  const bool encoded = message.count(http::field::transfer_encoding) > 0;
  if (encoded && (!impl_->parser.chunked() || message.version() == 10))
    return refuse(400, "unknown transfer encoding");

  ServerRequest& request = impl_->request;
  request.method = message.method_string();
  request.target = message.target();
  const std::string_view target = origin_form(request.target);
  const auto question = target.find('?');
  auto path = decode_path(target.substr(0, question));
  if (!path || (!path->starts_with('/') && request.target != "*"))
    return refuse(400, "malformed request path");
  request.path = *std::move(path);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return {};
}

bool RequestParser::head_done() const { return impl_->head_done; }
bool RequestParser::done() const { return impl_->parser.is_done(); }
bool RequestParser::keep_alive() const { return impl_->parser.keep_alive(); }
bool RequestParser::is_http_1_0() const { return impl_->parser.get().version() == 10; }
bool RequestParser::expects_continue() const {
  return !is_http_1_0() &&
         equals_ignoring_ascii_case(find_header(impl_->request.headers, "Expect"), "100-continue");
}

ServerRequest RequestParser::take() {
  impl_->request.body = std::move(impl_->parser.get().body());
  return std::move(impl_->request);
}

std::optional<std::string> decode_path(std::string_view path) {
  std::string decoded;
  decoded.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    if (i + 2 >= path.size()) return std::nullopt;
    const int high = hex_digit(path[i + 1]);
    const int low = hex_digit(path[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (decoded.contains('\0') || !is_valid_utf8(decoded)) return std::nullopt;
  return decoded;
}

}  // namespace skep::net
