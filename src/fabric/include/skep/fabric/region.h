// Shared memory that tells other processes who is connected, which rules hold and what other hives
// have, without asking the router (docs/fabric.md "Files"). One writer for each region, any number
// of readers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/result.h"
#include "skep/fabric/routes.h"

namespace skep::fabric {

enum class RegionKind : std::uint32_t { kNodes = 1, kConfig = 2, kLsa = 3 };

// Header facts of a region, checked before anything else is believed.
struct RegionInfo {
  RegionKind kind;
  std::uint64_t generation;  // grows at each opening by a writer
  std::uint64_t sequence;    // one more at each write
  std::uint32_t owner_pid;
  std::uint64_t owner_start;  // clock ticks since boot, with the pid tells the process
  bool owner_alive;
  WallTime written_at, heartbeat_at;
  std::string hive, writer;  // "lab", "RT.main"
};

// Double buffer: the writer fills the half nobody is told to read, with its CRC-32C, then publishes
// its number in one word; a reader copies a half and believes it only if number and checksum agree.
// A kill at any point leaves the last published half. Both sides use pread and pwrite, never a
// mapping: a file that a foreigner cuts short is an error, not SIGBUS (decisions/0016). More room
// is a new file under the same name.
inline constexpr std::size_t kRegionContentMax = (32u << 20) - 4'096;  // two halves: 64 MiB
class RegionWriter {
 public:
  // kConflict when a living process holds the writer's flock (beside, "<path>.lock"). Whatever
  // stands there is replaced. Starts empty: sequence 0, no content. Makes the directory (0700);
  // kDenied when it is another user's.
  static Result<std::unique_ptr<RegionWriter>> open(const std::string& path, RegionKind kind,
                                                    std::string hive, std::string writer);
  virtual ~RegionWriter() = default;  // takes the file away, and the directory with the last one
  // kTooLarge over kRegionContentMax; kExhausted when shared memory is full: the old content stays.
  // A file that somebody removed or cut is made anew.
  virtual Result<void> write(std::string_view content) = 0;
  virtual void heartbeat() = 0;  // every 5 s
};

struct RegionContent {
  RegionInfo info;
  std::string content;
};
// Any thread, any process. kNotFound; kCorrupt with what is wrong (foreign, short, version,
// checksum); kDenied when it is another user's; kUnavailable when a writer kept changing it for 5
// ms.
Result<RegionContent> read_region(const std::string& path, RegionKind kind);
// "/dev/shm/skep-<16 hex>" of the directory's real path.
std::string region_directory(const std::string& fabric_directory);

// Contents, as compact binary records: little-endian, lengths checked. Decoding fails with kCorrupt
// on anything that encode() would not have written.
struct NodesRegion {
  NodeId router;
  Name router_name;
  bool gateway = false;
  std::vector<NodeAt> nodes;  // exit is null
  std::vector<std::pair<std::string, std::uint64_t>>
      counters;  // "drop.NODE_NOT_FOUND", "queue.max", …
};
struct ConfigRegion {
  std::uint64_t routes_version = 0, zones_version = 0;
  std::string routes_origin, zones_origin;  // the hives that made them; empty: nothing yet
  Rules rules;
};
struct LsaRegion {
  struct Hive {
    std::string hive, gateway;
    std::vector<std::string> path;
    std::uint64_t epoch = 0, seq = 0, left_out = 0;
    WallTime heard_at;
    bool up = false;
    std::vector<NodeAt> nodes;
    std::vector<HiveRoute> routes;
  };
  std::vector<Hive> hives;
};
std::string encode(const NodesRegion& region);
std::string encode(const ConfigRegion& region);
std::string encode(const LsaRegion& region);
Result<NodesRegion> decode_nodes(std::string_view content);
Result<ConfigRegion> decode_config(std::string_view content);
Result<LsaRegion> decode_lsa(std::string_view content);

}  // namespace skep::fabric
