// Joins hives over the network (docs/fabric.md "Several hives").
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "skep/async/gate.h"
#include "skep/base/config.h"
#include "skep/fabric/router.h"

namespace skep::fabric {

// [hive]
struct GatewayConfig {
  std::string listen;                         // "0.0.0.0:9000"; empty: does not listen
  std::vector<std::string> uplinks;           // "mother.example.org:9000"
  std::vector<std::string> authorized_hives;  // beside having a certificate on file; empty: nobody
  std::string certificate, key;               // default <home>/credentials/hive.crt, hive.key
  std::string hives_directory;                // <home>/credentials/hives
  std::vector<std::string> config_from;  // [fabric] config_from: hives whose system messages count
  std::chrono::milliseconds hello_interval{10'000}, dead_interval{40'000}, redial_min{1'000},
      redial_max{60'000};
  std::size_t queue_messages_max = 65'536, queue_bytes_max = 64u << 20;

  static GatewayConfig read(ConfigSection hive, const std::string& home);
  [[nodiscard]] bool wanted() const { return !listen.empty() || !uplinks.empty(); }
};
struct HiveStatus {
  // state: "up", "silent" (a session that has not spoken for two hello intervals), "by <hive>" (no
  // session, reached through another), or of an uplink "dialling" or why not: "rejected: …"
  std::string hive, gateway, address, state;
  std::vector<std::string> path;
  std::size_t nodes = 0, left_out = 0;
  std::chrono::milliseconds heard_ago{};
  std::uint64_t epoch = 0, seq = 0, rejected = 0;       // advertisements, or parts of them, refused
  std::map<std::string, std::uint64_t> reject_reasons;  // "foreign_name", "drop_route", …
};
struct GatewayStats {
  std::uint64_t sessions = 0;         // that came up
  std::uint64_t refused = 0;          // connections that were refused, by us or by them
  std::uint64_t handshakes_full = 0;  // closed because too many were shaking hands
  std::uint64_t malformed = 0;        // frames
  std::string last_refusal;
};
class Gateway {
 public:
  // kInvalid when the key or certificate cannot be used or is of another hive; kConflict when the
  // port is taken. The router must outlive it.
  static Task<Result<std::unique_ptr<Gateway>>> open(Loop& loop, Router& router,
                                                     GatewayConfig config);
  virtual ~Gateway() = default;
  virtual Task<void> close(Ctx ctx) = 0;
  [[nodiscard]] virtual std::vector<HiveStatus> hives() const = 0;
  [[nodiscard]] virtual GatewayStats stats() const = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;  // where it listens; 0: nowhere
};

// A key and a self-signed certificate (Ed25519) for `hive`, valid `days`. kExists when there is one
// already.
Result<void> make_hive_key(const std::string& key_path, const std::string& certificate_path,
                           std::string_view hive, int days = 3'650);
// The hive id in a PEM certificate's "skep:hive:<id>"; for `skep hive join FILE`, which keeps it
// under that name.
Result<std::string> hive_of_certificate(std::string_view pem);
// SHA-256 of the certificate as "AB:CD:…", to be compared by people.
Result<std::string> certificate_fingerprint(std::string_view pem);

}  // namespace skep::fabric
