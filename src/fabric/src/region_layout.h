// How a region lies in its file. Private to the room, pure functions.
//
//   0      magic, version, header's length and CRC-32C, then its fields; never changes
//   2048   u64 the published sequence number (its lowest bit chooses the half), u64 heartbeat (ms)
//   4096   half 0: HalfHeader, content; after `capacity` bytes half 1
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skep/base/result.h"
#include "skep/fabric/region.h"

namespace skep::fabric {

inline constexpr std::size_t kRegionPublishedAt = 2'048, kRegionHeartbeatAt = 2'056,
                             kRegionHalvesAt = 4'096, kRegionHalfHeaderBytes = 40,
                             kRegionCapacityMin = 16'384;

struct RegionHeader {
  RegionKind kind = RegionKind::kNodes;
  std::uint64_t generation = 0;
  std::uint64_t capacity = 0;  // of one half, its header included
  std::uint32_t owner_pid = 0;
  std::uint64_t owner_start = 0;
  std::string hive, writer;
  bool operator==(const RegionHeader&) const = default;
};
std::string encode_header(const RegionHeader& header);
// `bytes`: the file's first kRegionPublishedAt bytes, or fewer. kCorrupt says what is wrong.
Result<RegionHeader> decode_header(std::string_view bytes);

struct HalfHeader {
  std::uint64_t sequence = 0, generation = 0, written_at = 0, length = 0;
  std::uint32_t crc = 0;  // over the fields before it and the content
};
// The half as it goes into the file.
std::string encode_half(HalfHeader header, std::string_view content);
HalfHeader decode_half_header(std::string_view bytes);  // kRegionHalfHeaderBytes of them
bool half_is_whole(const HalfHeader& header, std::string_view content);

inline std::uint64_t half_offset(std::uint64_t capacity, std::uint64_t sequence) {
  return kRegionHalvesAt + (sequence & 1) * capacity;
}

// Clock ticks since boot at which `pid` started; 0: no such process. With the pid it tells a
// process from a later one of the same number.
std::uint64_t process_start(std::uint32_t pid);

}  // namespace skep::fabric
