// Output as it comes, bounded: the first half of the bound, and the last half.
#pragma once

#include <string_view>

#include "skep/sandbox/sandbox.h"

namespace skep::sandbox {

class Capture {
 public:
  explicit Capture(std::size_t bytes_max) : half_(bytes_max / 2) {}
  void append(std::string_view bytes);
  Captured take();
  [[nodiscard]] bool overflows() const { return kept_.left_out > 0; }

 private:
  std::size_t half_;
  Captured kept_;  // the tail may hold up to twice its bound, to be cut seldom
};

}  // namespace skep::sandbox
