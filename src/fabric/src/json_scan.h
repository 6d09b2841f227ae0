// One pass over JSON text that checks all of RFC 8259 and builds nothing. For the routing path,
// where a tree would cost more than everything else a router does (docs/decisions/0010).
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "byte_block.h"

namespace skep::fabric {

// How much at the front of a text may stand between the quotes of a JSON string as it is, and
// whether some of that is no ASCII.
struct PlainRun {
  std::size_t bytes = 0;
  bool high = false;
};
PlainRun plain_prefix(std::string_view text);

// Walks forward over text that must outlive it. Every function returns false for good once
// something is no JSON. Not thread-safe; never allocates or recurses.
class JsonScan {
 public:
  static constexpr unsigned kDepthMax = 64;  // containers in one another, as parse_json's

  // `offset`: what stands before it is not looked at.
  explicit JsonScan(std::string_view text, std::size_t offset = 0)
      : at_(text.data() + offset), end_(text.data() + text.size()), begin_(text.data()) {}

  // One value of any kind, inside `depth` containers. Its text is what lies between the offsets.
  bool value(unsigned depth);
  // A string, the place at its opening quote. `raw` is what lies between the quotes.
  [[gnu::always_inline]] bool string(std::string_view& raw) {
    escaped_ = false;
    if (!take('"')) return false;
    const char* first = at_;
    at_ = plain_end(at_);
    if ((at_ == end_ || *at_ != '"') && !behind_escapes()) return false;
    raw = {first, static_cast<std::size_t>(at_ - first)};
    ++at_;
    return true;
  }
  void space() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) <= ' ') skip_space();
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  // These very characters.
  bool literal(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size()) return false;
    if (std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }
  [[nodiscard]] bool at(char c) const { return at_ != end_ && *at_ == c; }
  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] std::uint32_t offset() const { return static_cast<std::uint32_t>(at_ - begin_); }
  // The string read last had an escape. / Some byte so far was not ASCII: UTF-8 is to be checked.
  [[nodiscard]] bool escaped() const { return escaped_; }
  // It may say so of an ASCII text when less than a block behind what was read is none.
  [[nodiscard]] bool non_ascii() const { return high_; }

 private:
  // Where the next byte stands that ends a run of plain characters: a quote, a backslash, a control
  // character, or the end. Most strings end in the first block.
  [[gnu::always_inline]] const char* plain_end(const char* from) {
    if (end_ - from < static_cast<std::ptrdiff_t>(kBlockBytes)) return plain_end_bytewise(from);
    const Block bytes = load_block(from);
    high_ |= bits_of(not_ascii(bytes)) != 0;
    const std::uint32_t stops = bits_of(ends_plain(bytes));
    return stops != 0 ? from + std::countr_zero(stops) : plain_end_far(from + kBlockBytes);
  }
  const char* plain_end_far(const char* from);
  const char* plain_end_bytewise(const char* from);
  void skip_space();
  bool behind_escapes();  // from a backslash to the closing quote
  bool escape();
  bool unicode_escape();
  bool hex4(std::uint32_t& unit);
  bool number();
  bool digits();
  bool scalar();

  const char* at_;
  const char* end_;
  const char* begin_;
  bool high_ = false, escaped_ = false;
};

}  // namespace skep::fabric
