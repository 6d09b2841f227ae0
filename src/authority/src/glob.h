// A glob as a small automaton, so that matching and covering read it the same way.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "skep/authority/capability.h"

namespace skep::authority {

class Glob {
 public:
  // At most pattern_bytes_max long.
  explicit Glob(std::string_view pattern);

  using Index = std::uint16_t;
  // Places in the pattern where a reading may stand.
  using States = std::bitset<3 * pattern_bytes_max + 1>;

  [[nodiscard]] States start() const { return closure(States().set(0)); }
  [[nodiscard]] States after(const States& states, char c) const;
  [[nodiscard]] bool accepts(const States& states) const { return states.test(tokens_.size()); }

 private:
  struct Token {
    enum class Kind : std::uint8_t { kLiteral, kRun, kOptional };
    Kind kind = Kind::kLiteral;
    char c = 0;        // kLiteral: this one; kRun: anything but this one (0: anything at all)
    Index tokens = 0;  // kOptional: how many behind it may be passed over
  };
  void add_text(std::string_view text, char border);
  void add_segments(std::string_view pattern);
  [[nodiscard]] States closure(States states) const;

  std::vector<Token> tokens_;
};

}  // namespace skep::authority
