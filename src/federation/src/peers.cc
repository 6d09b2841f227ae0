#include "peers.h"

#include <algorithm>

namespace skep::federation {

using namespace std::chrono_literals;

bool lists(const std::vector<std::string>& list, std::string_view what) {
  return std::ranges::any_of(list,
                             [&](const std::string& one) { return one == "*" || one == what; });
}

std::optional<int> HourlyLimit::take(const std::string& who, int max_per_hour, WallTime now) {
  std::deque<WallTime>& taken = taken_[who];
  while (!taken.empty() && taken.front() + 1h <= now) taken.pop_front();
  if (taken.size() >= static_cast<std::size_t>(max_per_hour)) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(taken.front() + 1h - now);
    return static_cast<int>(std::max<std::int64_t>(1, left.count()));
  }
  taken.push_back(now);
  return std::nullopt;
}

const PeerConfig* Peers::find(const xmpp::Jid& who) const {
  for (const std::string& name : {who.bare().str(), who.domain()}) {
    const auto at = std::ranges::find(config_.peers, name, &PeerConfig::who);
    if (at != config_.peers.end()) return &*at;
  }
  return nullptr;
}

bool Peers::exposed(std::string_view skill) const { return lists(config_.expose, skill); }

bool Peers::may_run(const PeerConfig& peer, std::string_view skill) const {
  return peer.allow_in && exposed(skill) && lists(peer.skills_in, skill);
}

bool Peers::may_ask(const PeerConfig& peer, const RemoteAgent* agent,
                    std::string_view skill) const {
  if (!peer.allow_out || !lists(peer.skills_out, skill)) return false;
  return agent == nullptr || agent->skills.empty() || lists(agent->skills, skill);
}

const RemoteAgent* Peers::agent(std::string_view name_or_jid) const {
  const auto at = std::ranges::find_if(config_.agents, [&](const RemoteAgent& one) {
    return one.name == name_or_jid || one.jid.str() == name_or_jid;
  });
  return at == config_.agents.end() ? nullptr : &*at;
}

}  // namespace skep::federation
