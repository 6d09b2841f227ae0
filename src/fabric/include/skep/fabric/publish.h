// Keeps the shared regions of one router up to date (region.h): for `skep fabric` and whoever else
// wants to know without asking.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "skep/async/gate.h"
#include "skep/fabric/region.h"
#include "skep/fabric/router.h"

namespace skep::fabric {

struct PublisherConfig {
  std::string directory;                // <home>/run/fabric
  std::chrono::milliseconds gather{2};  // changes within this are written together
  std::chrono::milliseconds counters_each{1'000}, heartbeat_each{5'000};
};
// Loop thread only; called at each write.
struct PublisherSources {
  // Adds counters to those of the router itself ("link.accepted", …).
  std::function<void(std::vector<std::pair<std::string, std::uint64_t>>&)> counters;
  // This router also publishes the hive's routes and zones; one of a hive does. `config` completes
  // what the router itself knows: versions and origins.
  bool rules = false;
  std::function<void(ConfigRegion&)> config;
  std::function<LsaRegion()> hives;  // empty: this router is no gateway
};
class Publisher {
 public:
  // kConflict when a living process writes this router's region.
  static Result<std::unique_ptr<Publisher>> open(Loop& loop, Router& router, PublisherConfig config,
                                                 PublisherSources sources);
  virtual ~Publisher() = default;
  // Something beside the nodes changed (the rules): written at once.
  virtual void refresh() = 0;
  virtual Task<void> close(Ctx ctx) = 0;  // the regions go away
};

// What the gateway knows of other hives, with their nodes as the router's table has them.
class Gateway;
LsaRegion lsa_region_of(const Gateway& gateway, Router& router);

}  // namespace skep::fabric
