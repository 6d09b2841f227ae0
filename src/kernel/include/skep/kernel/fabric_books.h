// What a router keeps beside moving messages: the hive's routes and zones, the numbers of threads,
// and a copy of the turns.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "skep/authority/audit.h"
#include "skep/base/config.h"
#include "skep/fabric/config_log.h"
#include "skep/fabric/region.h"
#include "skep/fabric/turns.h"

namespace skep::kernel {

// [streams]
struct StreamsConfig {
  // Off unless `url` is set: turns that nobody takes would only fill the disk up to bytes_max
  // (decisions/0023).
  bool enabled = false;
  std::string url;  // "nats://host:port" of a server with JetStream; empty: kept in the home
  Secret token;     // for that server
  std::size_t bytes_max = 1u << 30;  // on the disk; then turns are delivered, but no longer kept
  std::size_t waiting_max = 50'000;  // of one consumer; beyond it an overflow is counted

  static StreamsConfig read(ConfigSection streams);
};

// Loop thread only; dies before its Router, and after whatever asks it.
class FabricBooks {
 public:
  struct Config {
    std::string home;
    std::string router;  // base name, "RT.main"
    // Keeps the hive's routes and zones in <home>/fabric/config.log and decides for it; one router
    // of a hive does, the others follow it.
    bool main = false;
    std::vector<std::string> config_from;  // hives whose CONFIG_CHANGED is believed
    StreamsConfig streams;
    store::Sync sync = store::Sync::kProcess;
  };
  // kConflict when another process keeps the turns of a router of that name.
  static Result<std::unique_ptr<FabricBooks>> open(Loop& loop, fabric::Router& router,
                                                   const Config& config);
  ~FabricBooks();
  FabricBooks(const FabricBooks&) = delete;
  FabricBooks& operator=(const FabricBooks&) = delete;
  Task<void> close(Ctx ctx);

  [[nodiscard]] fabric::ConfigLog& config_log() { return *config_log_; }
  // Called after each change of the rules that was applied.
  void on_applied(std::function<void()> follow) { follow_ = std::move(follow); }
  // Writes each such change into the log: who wanted it, and which version it is. The log outlives
  // this.
  void audit_to(authority::AuditLog& audit) { audit_ = &audit; }
  // Versions and origins, for the shared region.
  void complete(fabric::ConfigRegion& region) const;
  // "config.routes_version", "turns.published", …
  void add_counters(std::vector<std::pair<std::string, std::uint64_t>>& counters) const;
  // {"routes": {version, origin, epoch}, "zones": {…}}
  [[nodiscard]] json::object config_status() const;
  // {"to", "broker_up", "published", "waiting", "refused", "redelivered", "overflowed",
  // "problem"?}; empty: [streams] is off.
  [[nodiscard]] json::object streams_status() const;

 private:
  FabricBooks(fabric::Router& router, StreamsConfig streams)
      : router_(router), streams_(std::move(streams)) {}
  Result<void> open_turns(Loop& loop, const Config& config);
  void applied();
  void audit(std::string_view section, const fabric::ConfigVersion& now);

  fabric::Router& router_;
  StreamsConfig streams_;
  std::function<void()> follow_;
  authority::AuditLog* audit_ = nullptr;
  std::array<fabric::ConfigVersion, 2> known_;  // of routes and zones
  std::unique_ptr<fabric::ConfigLog> config_log_;
  std::unique_ptr<fabric::ThreadSeq> thread_seq_;
  std::unique_ptr<fabric::Turns> turns_;
  std::unique_ptr<fabric::TurnRecorder> recorder_;
};

}  // namespace skep::kernel
