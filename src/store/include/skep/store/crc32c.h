// CRC-32C (Castagnoli), as in RFC 3720 appendix B.4. With the processor's instruction for it
// where there is one, else portable, eight bytes a step: about 1.5 GB/s optimised.
#pragma once

#include <cstdint>
#include <string_view>

namespace skep::store {

// `seed` is the sum of the bytes before: crc32c(b, crc32c(a)) == crc32c(a + b).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace skep::store
