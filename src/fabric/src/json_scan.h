// One pass over JSON text that checks all of RFC 8259 and builds nothing. For the routing path,
// where a tree would cost more than everything else a router does (docs/decisions/0010).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace skep::fabric {

// Walks forward over text that must outlive it. Every function returns false for good once
// something is no JSON. Not thread-safe; never allocates or recurses.
class JsonScan {
 public:
  static constexpr unsigned kDepthMax = 64;  // containers in one another, as parse_json's

  explicit JsonScan(std::string_view text)
      : at_(text.data()), end_(text.data() + text.size()), begin_(at_) {}

  // One value of any kind, inside `depth` containers. Its text is what lies between the offsets.
  bool value(unsigned depth);
  // A string, the place at its opening quote. `raw` is what lies between the quotes.
  bool string(std::string_view& raw);
  void space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool at(char c) const { return at_ != end_ && *at_ == c; }
  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] std::uint32_t offset() const { return static_cast<std::uint32_t>(at_ - begin_); }
  // The string read last had an escape. / Some byte so far was not ASCII: UTF-8 is to be checked.
  [[nodiscard]] bool escaped() const { return escaped_; }
  [[nodiscard]] bool non_ascii() const { return (high_ & 0x8080808080808080U) != 0; }

 private:
  // Where the next byte stands that ends a run of plain characters: a quote, a backslash, a control
  // character, or the end.
  const char* plain_end(const char* from);
  bool escape();
  bool unicode_escape();
  bool hex4(std::uint32_t& unit);
  bool number();
  bool digits();
  bool literal(std::string_view word);
  bool scalar();

  const char* at_;
  const char* end_;
  const char* begin_;
  std::uint64_t high_ = 0;
  bool escaped_ = false;
};

}  // namespace skep::fabric
