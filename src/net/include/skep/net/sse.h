// Server-sent events (WHATWG HTML, 9.2), read as the bytes arrive.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"

namespace skep::net {

struct SseEvent {
  std::string event;  // empty where the sender names none: "message"
  std::string data;   // lines joined with LF
  std::string id;     // the last id seen so far, as the standard has it
  bool operator==(const SseEvent&) const = default;
};

struct SseLimits {
  std::size_t line_bytes_max = 1u << 20;
  std::size_t data_bytes_max = 4u << 20;  // of one event
};

// One parser a stream; not thread-safe. After an error it stays failed: close the connection. Lines
// end with LF, CRLF or CR; bytes are passed on as they are, so a character split between two pieces
// comes out whole.
class SseParser {
 public:
  explicit SseParser(SseLimits limits = {}) : limits_(limits) {}

  // Eats all of `bytes` and appends each complete event. kTooLarge on a limit.
  Result<void> feed(std::string_view bytes, std::vector<SseEvent>& out);
  // The stream has ended: an event that lacks its final blank line is given out too, which the
  // standard would drop but some model servers rely on.
  Result<void> finish(std::vector<SseEvent>& out);
  // What the sender asked to wait before connecting again.
  [[nodiscard]] std::optional<int> retry_ms() const { return retry_ms_; }

 private:
  Result<void> take_line(std::string_view line, std::vector<SseEvent>& out);
  Result<void> take_field(std::string_view name, std::string_view value);
  void dispatch(std::vector<SseEvent>& out);

  SseLimits limits_;
  std::string line_;  // begun, its end not seen yet
  std::string event_;
  std::string data_;
  std::string id_;
  std::optional<int> retry_ms_;
  bool has_data_ = false;
  bool after_cr_ = false;  // a LF that comes now belongs to the CR before it
  bool at_start_ = true;   // a byte order mark may come
  bool failed_ = false;
};

}  // namespace skep::net
