#include "skep/llm/raw_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "skep/base/text.h"

namespace skep::llm {

void Excerpt::add(std::string_view bytes) {
  size_ += bytes.size();
  const std::string_view front = bytes.substr(0, part_bytes_max - head_.size());
  head_ += front;
  tail_ += bytes.substr(front.size());
  if (tail_.size() > 2 * part_bytes_max) tail_.erase(0, tail_.size() - part_bytes_max);
}

std::string Excerpt::text(std::size_t bytes_max) const {
  if (size_ <= std::min(bytes_max, head_.size() + tail_.size()) &&
      size_ == head_.size() + tail_.size())
    return to_valid_utf8(head_ + tail_);
  // The newest words stand at the end of a request, and what became of it at the end of a response.
  const std::size_t first = std::min(bytes_max / 4, part_bytes_max);
  const std::size_t last = std::min(bytes_max - bytes_max / 4, part_bytes_max);
  const std::string whole = head_ + tail_;  // a gap, if there is one, lies behind the head
  const std::string_view begin = std::string_view(whole).substr(0, first);
  const std::string_view end =
      std::string_view(whole).substr(whole.size() - std::min(last, whole.size()));
  return fmt::format("{} [… {} bytes …] {}", to_valid_utf8(begin),
                     size_ - begin.size() - end.size(), to_valid_utf8(end));
}

RawExchange& RawLog::begin(std::string url, std::string_view request) {
  if (exchanges_.size() >= exchanges_max) exchanges_.pop_front();
  RawExchange& one = exchanges_.emplace_back();
  one.url = std::move(url);
  one.request.add(request);
  return one;
}

}  // namespace skep::llm
