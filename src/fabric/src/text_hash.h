// Hash of short texts: names and thread ids. Eight bytes a step; not for secrets.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace skep::fabric {

constexpr std::uint64_t mix_bits(std::uint64_t h) {
  h ^= h >> 30;
  h *= 0xbf58476d1ce4e5b9ULL;
  h ^= h >> 27;
  h *= 0x94d049bb133111ebULL;
  return h ^ (h >> 31);
}

inline std::uint64_t load_little(const char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
  return word;
}

// The same for everybody who takes the same seed: routers agree on a node by it (rendezvous.h), so
// a change of it is a change of the protocol between routers.
inline std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  std::uint64_t h = seed ^ (text.size() * kOdd);
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    h = (h ^ load_little(at, 8)) * kOdd;
    h ^= h >> 32;
  }
  if (left > 0) h = (h ^ load_little(at, left)) * kOdd;
  return mix_bits(h);
}

}  // namespace skep::fabric
