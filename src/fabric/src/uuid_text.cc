// The text of a UUID, sixteen characters at once: every frame has one or two.
#include <bit>
#include <cstring>

#include "byte_block.h"
#include "envelope_parts.h"

namespace skep::fabric {
namespace {

// Two hexadecimal digits make a byte. False when some character is no digit.
bool eight_bytes(const char* digits, std::uint8_t* out) {
  const Block text = load_block(digits);
  const Block number = text - '0', letter = (text | 0x20) - 'a';
  const BlockTruth is_number = number < 10, is_letter = letter < 6;
  if (bits_of(is_number | is_letter) != 0xffff) return false;
  const Block values = (number & std::bit_cast<Block>(is_number)) |
                       ((letter + 10) & std::bit_cast<Block>(is_letter));
  // Each pair is one number of sixteen bits, the first digit in its lower byte.
  using Pairs = std::uint16_t __attribute__((ext_vector_type(8)));
  using Bytes = std::uint8_t __attribute__((ext_vector_type(8)));
  const Pairs pairs = std::bit_cast<Pairs>(values);
  const Bytes bytes = __builtin_convertvector(((pairs << 4) | (pairs >> 8)) & 0xff, Bytes);
  std::memcpy(out, &bytes, 8);
  return true;
}

}  // namespace

bool parse_uuid(std::string_view text, Uuid& out) {
  if (text.size() != 36) return false;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  char digits[32];
  std::memcpy(digits, text.data(), 8);
  std::memcpy(digits + 8, text.data() + 9, 4);
  std::memcpy(digits + 12, text.data() + 14, 4);
  std::memcpy(digits + 16, text.data() + 19, 4);
  std::memcpy(digits + 20, text.data() + 24, 12);
  return eight_bytes(digits, out.bytes.data()) && eight_bytes(digits + 16, out.bytes.data() + 8);
}

void write_uuid(const Uuid& uuid, char* to) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::size_t byte = 0;
  for (const int bytes : {4, 2, 2, 2, 6}) {
    if (byte > 0) *to++ = '-';
    for (const std::size_t end = byte + static_cast<std::size_t>(bytes); byte < end; ++byte) {
      *to++ = kDigits[uuid.bytes[byte] >> 4];
      *to++ = kDigits[uuid.bytes[byte] & 15];
    }
  }
}

}  // namespace skep::fabric
