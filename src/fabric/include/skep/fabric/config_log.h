// The hive's routes and zones as an agreed, versioned text (docs/fabric.md "Configuration").
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/fabric/router.h"
#include "skep/fabric/routes.h"

namespace skep::fabric {

struct ConfigVersion {
  std::uint64_t version = 0;  // 0: nothing yet
  std::string origin;         // the hive that made it
  std::uint64_t epoch = 0;    // of the origin's log: grows when its log had to start anew
  auto operator<=>(const ConfigVersion&) const = default;
};
enum class Applied : std::uint8_t { kApplied, kUnchanged, kStale, kRefused, kError };
struct ConfigOutcome {
  Applied status = Applied::kError;
  ConfigVersion now;
  std::string error_code, error_detail;
};
struct ConfigLogConfig {
  std::string path;  // <home>/fabric/config.log; empty: kept in memory only (a router that is not
                     // the main one)
  std::vector<std::string> from;       // hives whose CONFIG_CHANGED is believed; own hive always
  std::uint64_t bytes_max = 4u << 20;  // then the log is rewritten with what holds
};

// Loop thread only. Answers CONFIG_CHANGED, spreads what was applied to peers and hives, catches up
// after absence. With a path it is also the node SY.config of the hive and decides for it; without
// one it follows its peers. One for each router; dies before it.
class ConfigLog {
 public:
  static Result<std::unique_ptr<ConfigLog>> open(Router& router, ConfigLogConfig config);
  virtual ~ConfigLog() = default;
  // section: "routes" or "zones"; version 0: the next one. On the disk before it is applied.
  virtual ConfigOutcome change(std::string_view section, std::uint64_t version,
                               const json::value& content) = 0;
  // What an operator asks for: the commands of SY.config ("add_route", "delete_vpn", …) and their
  // answer {"status":"ok"|"error", "error_code"?, "error_detail"?, "config_version",
  // "routes"|"vpns"}.
  virtual json::object command(std::string_view action, const json::value& entry) = 0;
  [[nodiscard]] virtual ConfigVersion version(std::string_view section) const = 0;
  // While followers of on_applied() are told: which node wanted it; empty: change() or command().
  [[nodiscard]] virtual std::string asked_by(std::string_view section) const = 0;
  [[nodiscard]] virtual const Rules& rules() const = 0;
  // After each applied change: for the shared region.
  virtual void on_applied(std::function<void()> follow) = 0;
};

}  // namespace skep::fabric
