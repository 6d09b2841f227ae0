#include "skep/federation/config.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "skep/base/text.h"

namespace skep::federation {
namespace {

using namespace std::chrono_literals;

void read_peer(ConfigSection section, const std::string& who, FederationConfig& config) {
  PeerConfig peer;
  const auto jid = xmpp::Jid::parse(who);
  if (who == "*" || !jid || !jid->is_bare()) {
    section.problem("",
                    "a peer is an address like \"legal@b.example\" or a domain like "
                    "\"b.example\"; there is no word for everybody");
    return;
  }
  peer.who = jid->str();
  section.read("allow_in", peer.allow_in);
  section.read("allow_out", peer.allow_out);
  section.read("skills_in", peer.skills_in);
  section.read("skills_out", peer.skills_out);
  section.read("max_per_hour", peer.max_per_hour, {.min = 1, .max = 100'000});
  section.read_choice("confirm", {"effects", "always", "never"}, peer.confirm);
  config.peers.push_back(std::move(peer));
}

// Other keys of these sections belong to agents that live here.
void read_agent(ConfigSection section, const std::string& name, FederationConfig& config) {
  std::string jid;
  if (!section.has("jid") || !section.read("jid", jid)) return;
  RemoteAgent agent{.name = name};
  auto parsed = xmpp::Jid::parse(trim(jid));
  if (!parsed) return section.problem("jid", parsed.error().message);
  agent.jid = *std::move(parsed);
  section.read("skills", agent.skills);
  section.read_duration("timeout", 1s, agent.timeout);
  config.agents.push_back(std::move(agent));
}

void read_owner(ConfigSection& section, ConfigSection root, FederationConfig& config) {
  std::string owner;
  if (!section.read("owner", owner)) {
    std::vector<std::string> admins;
    root.child("agent").read("admin_jids", admins);
    if (admins.empty()) return;
    owner = admins.front();
  }
  const auto jid = xmpp::Jid::parse(trim(owner));
  if (jid && jid->is_bare() && !jid->local().empty()) {
    config.owner = jid->str();
  } else if (section.has("owner")) {
    section.problem("owner", "must be a person's address, like \"ann@example.org\"");
  }
}

// RFC 5646 as far as it matters: parts of letters and digits.
bool is_language(std::string_view tag) {
  return !tag.empty() && tag.size() <= 35 && tag.front() != '-' && tag.back() != '-' &&
         std::ranges::all_of(tag, [](unsigned char c) { return std::isalnum(c) || c == '-'; });
}

bool is_contact(std::string_view uri) {
  const bool known = uri.starts_with("mailto:") || uri.starts_with("xmpp:") ||
                     uri.starts_with("https://") || uri.starts_with("tel:");
  return known && uri.size() <= 256 &&
         std::ranges::all_of(uri, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

void read_announced(ConfigSection& section, FederationConfig& config) {
  section.read("languages", config.languages);
  section.read("contact", config.contact);
  for (std::string& tag : config.languages) {
    tag = std::string(trim(tag));
    if (!is_language(tag))
      section.problem("languages", fmt::format("\"{}\" is no language tag like \"en\"", tag));
  }
  for (const std::string& uri : config.contact) {
    if (!is_contact(uri))
      section.problem("contact", fmt::format("\"{}\" is no address like \"mailto:ops@example.org\" "
                                             "or \"xmpp:ops@example.org\"",
                                             uri));
  }
  for (const auto& [key, count] : {std::pair{"languages", config.languages.size()},
                                   std::pair{"contact", config.contact.size()}}) {
    if (count > FederationConfig::announced_max)
      section.problem(key, fmt::format("at most {}", FederationConfig::announced_max));
  }
}

bool knows_peer(const FederationConfig& config, const xmpp::Jid& jid) {
  return std::ranges::any_of(config.peers, [&](const PeerConfig& peer) {
    return peer.who == jid.bare().str() || peer.who == jid.domain();
  });
}

}  // namespace

FederationConfig FederationConfig::read(ConfigSection root) {
  FederationConfig config;
  ConfigSection section = root.child("federation");
  section.read("expose", config.expose);
  section.read("high_risk", config.high_risk);
  read_announced(section, config);
  section.read("max_depth", config.depth_max, {.min = 1, .max = 16});
  section.read_duration("timeout_secs", 1s, config.timeout);
  section.read_duration("timeout_max_secs", 1s, config.timeout_max);
  section.read_duration("sync_wait_secs", 1s, config.sync_wait);
  section.read("payload_bytes_max", config.payload_bytes_max, {.min = 1024, .max = 512 * 1024});
  section.read("running_max", config.running_max, {.min = 1, .max = 1000});
  section.read("tokens_max", config.tokens_max, {.min = 0});
  section.read("result_bytes_max", config.result_bytes_max, {.min = 4096, .max = 192 * 1024});
  section.read("fetch_bytes_max", config.fetch_bytes_max, {.min = 1024, .max = 16 << 20});
  double usd = 0;
  if (section.read("usd_max", usd)) {
    if (usd < 0 || usd > 1'000'000) section.problem("usd_max", "must be from 0 to 1000000");
    config.usd_max = std::llround(std::clamp(usd, 0.0, 1'000'000.0) * 1e12);
  }
  read_owner(section, root, config);
  ConfigSection peers = section.child("peers");
  for (const std::string& who : peers.child_names()) read_peer(peers.child(who), who, config);
  ConfigSection agents = root.child("llm").child("agents");
  for (const std::string& name : agents.child_names()) read_agent(agents.child(name), name, config);
  for (const RemoteAgent& agent : config.agents) {
    if (!knows_peer(config, agent.jid)) {
      agents.child(agent.name)
          .problem("jid", fmt::format("{} is no peer: it needs [federation.peers.\"{}\"]",
                                      agent.jid.str(), agent.jid.bare().str()));
    }
  }
  if (config.timeout > config.timeout_max)
    section.problem("timeout_secs", "must not be longer than timeout_max_secs");
  return config;
}

}  // namespace skep::federation
