#include "think.h"

#include <algorithm>
#include <utility>

namespace skep::llm {
namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";
constexpr std::string_view kBlank = " \t\r\n";

// Length of the longest end of `text` that could be the beginning of `tag`.
std::size_t partial_tag(std::string_view text, std::string_view tag) {
  for (std::size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n) {
    if (text.ends_with(tag.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

ThinkSplitter::Pieces ThinkSplitter::feed(std::string_view delta) {
  Pieces out;
  if (state_ == State::kText) {
    out.text = delta;
    return out;
  }
  held_ += delta;
  if (state_ == State::kStart) {
    std::size_t begin = std::min(held_.find_first_not_of(kBlank), held_.size());
    std::string_view rest = std::string_view(held_).substr(begin);
    if (rest.starts_with(kOpen)) {
      held_.erase(0, begin + kOpen.size());
      state_ = State::kThinking;
    } else if (kOpen.starts_with(rest)) {
      return out;
    } else {
      state_ = State::kText;
      out.text = std::exchange(held_, {});
    }
  }
  if (state_ == State::kThinking) {
    std::size_t end = held_.find(kClose);
    std::size_t ready = end != std::string::npos ? end : held_.size() - partial_tag(held_, kClose);
    out.thinking = held_.substr(0, ready);
    held_.erase(0, end != std::string::npos ? end + kClose.size() : ready);
    if (end != std::string::npos) state_ = State::kAfter;
  }
  if (state_ == State::kAfter) {
    std::size_t begin = held_.find_first_not_of(kBlank);
    if (begin == std::string::npos) {
      held_.clear();
    } else {
      out.text = held_.substr(begin);
      held_.clear();
      state_ = State::kText;
    }
  }
  return out;
}

ThinkSplitter::Pieces ThinkSplitter::flush() {
  Pieces out;
  (state_ == State::kThinking ? out.thinking : out.text) = std::exchange(held_, {});
  state_ = State::kText;
  return out;
}

}  // namespace skep::llm
