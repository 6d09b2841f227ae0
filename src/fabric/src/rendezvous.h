// Which of several equal nodes a conversation belongs to: the one with the highest score for its
// thread. Routers of a hive agree without talking, and when a node comes or goes only the threads
// of that node move. The numbers are part of what routers agree on.
#pragma once

#include <cstdint>
#include <string_view>

#include "skep/model/name.h"
#include "text_hash.h"

namespace skep::fabric {

inline std::uint64_t thread_key(std::string_view thread) { return hash_text(thread, 1); }
inline std::uint64_t node_key(const NodeId& id) {
  const auto* bytes = reinterpret_cast<const char*>(id.uuid.bytes.data());
  return hash_text({bytes, id.uuid.bytes.size()}, 2);
}
constexpr std::uint64_t rendezvous_score(std::uint64_t thread, std::uint64_t node) {
  return mix_bits(thread ^ node);
}

}  // namespace skep::fabric
