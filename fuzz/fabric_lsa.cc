// Advertisements of any bytes: read, written again, and taken into a picture of a hive.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "topology.h"
#include "wan_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skep::fabric;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::ignore = read_hello(text);
  // Lines are advertisements that come one after the other.
  Topology topology("a", "b");
  LsaRejects rejects{};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    auto lsa = read_lsa(text.substr(at, end - at));
    at = end + 1;
    if (!lsa) continue;
    const std::string written = write_lsa(*lsa);
    if (written.size() <= kLsaBytesMax) {
      const auto again = read_lsa(written);
      if (!again || *again != *lsa) std::abort();
    }
    if (check_path(*lsa, lsa->path.back(), "b") != LsaReject::kCount) continue;
    topology.apply(*std::move(lsa), rejects);
    for (const auto& [id, node] : topology.nodes()) {
      if (!node.name.ends_with("@a")) std::abort();
    }
  }
  return 0;
}
