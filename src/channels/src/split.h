// Long replies in parts that servers take.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace skep::channels {

inline constexpr std::size_t kSplitBytesMin = 64;  // smaller limits are raised to it

// Parts of at most `bytes_max` bytes, in order; no text, no parts. Cuts at the last paragraph
// border, else line, else word, else character that still leaves a part at least a third full.
// White space at a cut is dropped. A part that ends inside a code fence is closed with ``` and the
// next one opens it again, with the same language.
std::vector<std::string> split_reply(std::string_view text, std::size_t bytes_max);

}  // namespace skep::channels
