// Who may ask what of whom. Nothing here waits; loop thread only.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "skep/base/clock.h"
#include "skep/federation/config.h"

namespace skep::federation {

// Counts what was taken within the last hour.
class HourlyLimit {
 public:
  // Takes one; else how many seconds until there is room.
  std::optional<int> take(const std::string& who, int max_per_hour, WallTime now);

 private:
  std::map<std::string, std::deque<WallTime>> taken_;  // only of peers that are configured
};

class Peers {
 public:
  explicit Peers(const FederationConfig& config) : config_(config) {}

  // By address first, then by domain; nullptr: a stranger.
  [[nodiscard]] const PeerConfig* find(const xmpp::Jid& who) const;
  [[nodiscard]] bool exposed(std::string_view skill) const;
  // May `peer` run this skill of ours?
  [[nodiscard]] bool may_run(const PeerConfig& peer, std::string_view skill) const;
  // May we ask this skill of `peer`, under the name `agent` when it has one?
  [[nodiscard]] bool may_ask(const PeerConfig& peer, const RemoteAgent* agent,
                             std::string_view skill) const;
  // A configured agent by its name, or one that has this address.
  [[nodiscard]] const RemoteAgent* agent(std::string_view name_or_jid) const;
  [[nodiscard]] const FederationConfig& config() const { return config_; }

  HourlyLimit in, out;

 private:
  const FederationConfig& config_;
};

// "*", or the word itself.
bool lists(const std::vector<std::string>& list, std::string_view what);

}  // namespace skep::federation
