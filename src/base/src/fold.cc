// Case folding, the one thing in this room that needs Unicode's tables.
#include <unicase.h>
#include <uninorm.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "skep/base/text.h"

namespace skep {

std::string fold_case(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return to_lower_ascii(text);
  const std::string valid = to_valid_utf8(text);
  std::size_t length = 0;
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> folded(
      u8_casefold(reinterpret_cast<const std::uint8_t*>(valid.data()), valid.size(), nullptr,
                  UNINORM_NFC, nullptr, &length),
      &std::free);
  if (!folded) return to_lower_ascii(valid);  // no memory: what there is without
  return {reinterpret_cast<const char*>(folded.get()), length};
}

}  // namespace skep
