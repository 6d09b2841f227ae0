// What hives tell each other about who is reachable (docs/fabric.md "Several hives"). Pure values;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/fabric/routes.h"
#include "skep/model/name.h"

namespace skep::fabric {

inline constexpr std::size_t kLsaBytesMax = 64u << 10;  // of one payload; longer is refused
inline constexpr std::size_t kLsaBodyBytes = 56u
                                             << 10;  // of what we put into one; the rest is head
inline constexpr std::size_t kLsaPartsMax = 4'096;
inline constexpr std::size_t kLsaPathMax = 16;  // hives on the way
inline constexpr std::size_t kHiveNodesMax = 16'384, kHiveRoutesMax = 1'024;

struct LsaNode {
  NodeId id;
  std::string name;        // full; not validated here
  std::uint32_t zone = 0;  // of a system node 0, and without meaning
  bool operator==(const LsaNode&) const = default;
};
// A pattern that a hive takes messages for.
struct LsaRoute {
  Pattern pattern;
  std::uint32_t metric = 0;
  bool drop = false;  // written by others only; never obeyed
  bool operator==(const LsaRoute&) const = default;
};
// Of everything a hive advertises: how many nodes, and the sum of their hashes.
struct LsaDigest {
  std::uint64_t nodes = 0, hash = 0;
  bool operator==(const LsaDigest&) const = default;
};
std::uint64_t hash_of(const LsaNode& node);

struct Lsa {
  enum class Kind : std::uint8_t { kFull, kDelta, kDigest, kGone } kind = Kind::kFull;
  std::string hive;  // whose nodes
  std::uint64_t epoch = 0, seq = 0;
  std::uint32_t part = 1, parts = 1;  // kFull only
  std::vector<std::string> path;      // from the hive itself to who sends this
  std::vector<LsaNode> up;
  std::vector<NodeId> down;      // kDelta
  std::vector<LsaRoute> routes;  // kFull: spread over the parts
  LsaDigest digest;              // kDigest
  bool operator==(const Lsa&) const = default;
};

// One payload. kTooLarge over kLsaBytesMax; kInvalid with the member that is wrong.
Result<Lsa> read_lsa(std::string_view payload);
std::string write_lsa(const Lsa& lsa);
// Cuts what is too long for one payload: a full one into parts, a delta into deltas of ascending
// seq, of which `lsa.seq` is the first.
std::vector<Lsa> cut_lsa(Lsa lsa);

}  // namespace skep::fabric
