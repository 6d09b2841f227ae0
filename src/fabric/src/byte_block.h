// Sixteen bytes at once, for what looks at every byte of a frame. Plain vectors of the compiler: no
// instruction set beyond what every machine has is asked for.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace skep::fabric {

using Block = unsigned char __attribute__((ext_vector_type(16)));
using BlockTruth = char __attribute__((ext_vector_type(16)));  // all bits of a byte, or none
inline constexpr std::size_t kBlockBytes = sizeof(Block);

inline Block load_block(const char* bytes) {
  Block block;
  std::memcpy(&block, bytes, kBlockBytes);
  return block;
}

// Bytes that end a run of plain characters in a JSON string.
inline BlockTruth ends_plain(Block bytes) {
  return (bytes == '"') | (bytes == '\\') | (bytes < 0x20);
}
inline BlockTruth not_ascii(Block bytes) {
  using Signed = signed char __attribute__((ext_vector_type(16)));
  return std::bit_cast<Signed>(bytes) < 0;
}

// Bit n: byte n is true.
inline std::uint32_t bits_of(BlockTruth truth) {
  using Bits = bool __attribute__((ext_vector_type(16)));
  return std::bit_cast<std::uint16_t>(__builtin_convertvector(truth, Bits));
}

}  // namespace skep::fabric
