#include "http_response.h"

#include <ctime>

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::net {
namespace {

struct StatusText {
  int status;
  std::string_view phrase;
};

constexpr std::array kPhrases = {
    StatusText{100, "Continue"},
    StatusText{101, "Switching Protocols"},
    StatusText{200, "OK"},
    StatusText{201, "Created"},
    StatusText{202, "Accepted"},
    StatusText{204, "No Content"},
    StatusText{206, "Partial Content"},
    StatusText{301, "Moved Permanently"},
    StatusText{302, "Found"},
    StatusText{303, "See Other"},
    StatusText{304, "Not Modified"},
    StatusText{307, "Temporary Redirect"},
    StatusText{308, "Permanent Redirect"},
    StatusText{400, "Bad Request"},
    StatusText{401, "Unauthorized"},
    StatusText{403, "Forbidden"},
    StatusText{404, "Not Found"},
    StatusText{405, "Method Not Allowed"},
    StatusText{408, "Request Timeout"},
    StatusText{409, "Conflict"},
    StatusText{410, "Gone"},
    StatusText{413, "Content Too Large"},
    StatusText{415, "Unsupported Media Type"},
    StatusText{422, "Unprocessable Content"},
    StatusText{429, "Too Many Requests"},
    StatusText{431, "Request Header Fields Too Large"},
    StatusText{500, "Internal Server Error"},
    StatusText{501, "Not Implemented"},
    StatusText{502, "Bad Gateway"},
    StatusText{503, "Service Unavailable"},
    StatusText{504, "Gateway Timeout"},
};

bool is_framing(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kOurs = {"content-length", "transfer-encoding",
                                                            "connection", "date"};
  return std::ranges::any_of(
      kOurs, [name](std::string_view ours) { return equals_ignoring_ascii_case(name, ours); });
}

bool is_safe(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace

std::string_view reason_phrase(int status) {
  const auto found = std::ranges::find(kPhrases, status, &StatusText::status);
  return found == kPhrases.end() ? "Status" : found->phrase;
}

std::string http_date() {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

bool has_body(int status) { return status / 100 != 1 && status != 204 && status != 304; }

Result<std::string> format_head(const ResponseHead& head, const Headers& headers) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", head.status,
                                 reason_phrase(head.status), http_date());
  for (const auto& [name, value] : headers) {
    if (name.empty() || name.contains(':') || !is_safe(name) || !is_safe(value)) {
      return fail(Code::kInvalid, fmt::format("response header \"{}\" is malformed", name));
    }
    if (is_framing(name)) continue;
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (head.content_length) text += fmt::format("Content-Length: {}\r\n", *head.content_length);
  if (head.chunked) text += "Transfer-Encoding: chunked\r\n";
  if (!head.keep_alive) text += "Connection: close\r\n";
  if (head.keep_alive && head.http_1_0) text += "Connection: keep-alive\r\n";
  text += "\r\n";
  return text;
}

std::string error_body(std::string_view code, std::string_view message) {
  const json::value body = {{"error", {{"code", code}, {"message", message}}}};
  return to_json(body);
}

std::string_view error_code_of(int status) {
  switch (status) {
    case 408:
      return code_name(Code::kTimeout);
    case 413:
    case 431:
      return code_name(Code::kTooLarge);
    case 500:
      return code_name(Code::kInternal);
    case 503:
      return code_name(Code::kExhausted);
    default:
      return code_name(Code::kInvalid);
  }
}

}  // namespace skep::net
