// What went over the wire for a model's answers, for developers who want to see it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace skep::llm {

// The beginning and the end of a text; how much of it there was.
class Excerpt {
 public:
  static constexpr std::size_t part_bytes_max = 12'000;  // of the beginning, and of the end

  void add(std::string_view bytes);
  // At most `bytes_max` of it, with a mark where something is missing. Valid UTF-8.
  [[nodiscard]] std::string text(std::size_t bytes_max) const;
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  std::string head_, tail_;
  std::uint64_t size_ = 0;
};

// One attempt, without headers and without anything that looks like a key.
struct RawExchange {
  std::string url;
  Excerpt request, response;
  std::string outcome;  // "200", "error: …"; empty: under way, or given up
};

// The newest attempts; the older ones are forgotten. In memory only. Loop thread only.
class RawLog {
 public:
  static constexpr std::size_t exchanges_max = 8;

  RawExchange& begin(std::string url, std::string_view request);  // valid until the next begin()
  [[nodiscard]] const std::deque<RawExchange>& exchanges() const { return exchanges_; }

 private:
  std::deque<RawExchange> exchanges_;  // the oldest first
};

}  // namespace skep::llm
