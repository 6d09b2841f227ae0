// Routers of one hive find each other and act as one (docs/fabric.md "Several routers").
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "skep/async/gate.h"
#include "skep/fabric/router.h"

namespace skep::fabric {

struct PeeringConfig {
  std::string directory;  // <home>/run/fabric
  bool gateway = false;   // this router talks to other hives
  std::size_t peers_max = 64;
  std::size_t queue_messages_max = 65'536, queue_bytes_max = 64u << 20;
  std::chrono::milliseconds redial_min{100}, redial_max{5'000}, ping_after{10'000},
      dead_after{30'000};
};
struct PeerStatus {
  std::string name;
  NodeId id;
  bool gateway = false;
  std::size_t nodes = 0, waiting = 0;
  WallTime since;
};
class Peering {
 public:
  static Result<std::unique_ptr<Peering>> open(Loop& loop, Router& router, PeeringConfig config);
  virtual ~Peering() = default;
  virtual Task<void> close(Ctx ctx) = 0;
  [[nodiscard]] virtual std::vector<PeerStatus> peers() const = 0;
};

}  // namespace skep::fabric
