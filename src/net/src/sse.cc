#include "skep/net/sse.h"

#include <algorithm>
#include <charconv>

namespace skep::net {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// LF or CR, whichever comes first. Two searches of the library's, which look at many bytes at a
// time.
std::size_t end_of_line(std::string_view bytes) {
  const auto newline = bytes.find('\n');
  return std::min(newline, bytes.substr(0, newline).find('\r'));
}

}  // namespace

Result<void> SseParser::feed(std::string_view bytes, std::vector<SseEvent>& out) {
  while (!bytes.empty()) {
    if (failed_) return fail(Code::kTooLarge, "event stream was over its limits");
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') bytes.remove_prefix(1);
    const auto end = end_of_line(bytes);
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > limits_.line_bytes_max) {
      failed_ = true;
      return fail(Code::kTooLarge, fmt::format("a line of the event stream is over {} bytes",
                                               limits_.line_bytes_max));
    }
    if (end == std::string_view::npos) {
      line_.append(piece);
      return {};
    }
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    auto taken = line_.empty() ? take_line(piece, out) : take_line(line_.append(piece), out);
    line_.clear();
    if (!taken) return taken;
  }
  return {};
}

Result<void> SseParser::finish(std::vector<SseEvent>& out) {
  if (failed_) return fail(Code::kTooLarge, "event stream was over its limits");
  if (!line_.empty()) {
    auto taken = take_line(line_, out);
    line_.clear();
    if (!taken) return taken;
  }
  dispatch(out);
  return {};
}

Result<void> SseParser::take_line(std::string_view line, std::vector<SseEvent>& out) {
  if (std::exchange(at_start_, false) && line.starts_with(kByteOrderMark))
    line.remove_prefix(kByteOrderMark.size());
  if (line.empty()) {
    dispatch(out);
    return {};
  }
  if (line.front() == ':') return {};  // a comment, sent to keep the connection open
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return take_field(line, {});
  std::string_view value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return take_field(line.substr(0, colon), value);
}

Result<void> SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "event") {
    event_ = value;
  } else if (name == "id") {
    if (!value.contains('\0')) id_ = value;
  } else if (name == "retry") {
    int ms = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (error == std::errc{} && end == value.data() + value.size() && ms >= 0) retry_ms_ = ms;
  } else if (name == "data") {
    if (data_.size() + value.size() + 1 > limits_.data_bytes_max) {
      failed_ = true;
      return fail(Code::kTooLarge,
                  fmt::format("an event of the stream is over {} bytes", limits_.data_bytes_max));
    }
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_.append(value);
  }
  return {};
}

void SseParser::dispatch(std::vector<SseEvent>& out) {
  if (has_data_) out.push_back({.event = std::move(event_), .data = std::move(data_), .id = id_});
  event_.clear();
  data_.clear();
  has_data_ = false;
}

}  // namespace skep::net
