#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

// An idle link does not keep the memory of the largest frame it once saw.
constexpr std::size_t kIdleBytes = 16'384;

std::size_t frame_bytes(const char* header) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kFrameHeaderBytes; ++i)
    length = length << 8 | static_cast<unsigned char>(header[i]);
  return length;
}

}  // namespace

std::span<char> FrameReader::space(std::size_t bytes_min) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > bytes_min + kIdleBytes) buffer_ = std::string();
  }
  if (buffer_.size() - end_ < bytes_min && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < bytes_min) buffer_.resize(end_ + bytes_min);
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void FrameReader::filled(std::size_t bytes) { end_ = std::min(end_ + bytes, buffer_.size()); }

Result<std::string_view> FrameReader::next() {
  if (failed_) return fail(Code::kInvalid, "the link has failed: nothing can be read after that");
  if (end_ - begin_ < kFrameHeaderBytes) return std::string_view();
  const std::size_t length = frame_bytes(buffer_.data() + begin_);
  if (length == 0 || length > frame_bytes_max_) {
    failed_ = true;
    if (length == 0) return fail(Code::kInvalid, "a frame of no bytes");
    return fail(Code::kTooLarge, fmt::format("a frame of {} bytes; at most {} are allowed", length,
                                             frame_bytes_max_));
  }
  if (end_ - begin_ - kFrameHeaderBytes < length) return std::string_view();
  std::string_view frame(buffer_.data() + begin_ + kFrameHeaderBytes, length);
  begin_ += kFrameHeaderBytes + length;
  return frame;
}

bool FrameReader::empty() const { return begin_ == end_; }

}  // namespace skep::fabric
