// [federation], and [llm.agents.*] that live elsewhere.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "skep/base/config.h"
#include "skep/model/money.h"
#include "skep/xmpp/jid.h"

namespace skep::federation {

// [federation.peers."legal@b.example"] or, for everybody of a domain,
// [federation.peers."b.example"]
struct PeerConfig {
  std::string who;         // a bare JID or a domain, normalised
  bool allow_in = false;   // may ask us
  bool allow_out = false;  // may be asked by us
  // Of what is exposed, what this peer may run, and of what it offers, what we may ask; "*": all.
  std::vector<std::string> skills_in, skills_out;
  int max_per_hour = 60;  // executions accepted from it; and sent to it
  // Which of its executions a person must agree to: "effects" (tools that change something),
  // "always", "never".
  std::string confirm = "effects";
};

// [llm.agents.<name>] with a jid: an agent of another domain under a name of ours.
struct RemoteAgent {
  std::string name;
  xmpp::Jid jid;
  std::vector<std::string> skills;      // beside the peer's skills_out; empty: those
  std::chrono::milliseconds timeout{};  // 0: FederationConfig::timeout
};

struct FederationConfig {
  // Tools that other agents may run at all, and "ask" for a turn of the agent itself. Whoever is
  // not named as a peer may run none of them.
  std::vector<std::string> expose;
  std::string owner;  // bare JID of the person who is asked to confirm; default: the first admin
  // Of them those whose question wants typed words: neither a thumb nor a button's element.
  std::vector<std::string> high_risk;
  // Announced to whoever may ask (disco): language tags that the agent is good at, and addresses of
  // the people behind it as URIs ("mailto:ops@b.example", "xmpp:bob@b.example").
  std::vector<std::string> languages, contact;
  static constexpr std::size_t announced_max = 16;  // of each
  int depth_max = 2;                                // how many hands a task may go through
  std::chrono::milliseconds timeout{120'000};       // of an execution that does not say
  std::chrono::milliseconds timeout_max{900'000};   // what an execution may say
  std::chrono::milliseconds sync_wait{25'000};      // then an iq is answered with "accepted"
  std::size_t payload_bytes_max = 64 * 1024;        // of params, input or task
  std::size_t running_max = 32;                     // executions under way; more are refused
  // Of a result in a stanza; larger outputs are uploaded, or cut where that cannot be done.
  std::size_t result_bytes_max = 64 * 1024;
  std::size_t fetch_bytes_max = 1u << 20;  // of the outputs of one result that lie elsewhere
  std::int64_t tokens_max = 50'000;        // of one "ask", whatever its budget says; 0: no limit
  PicoUsd usd_max = 0;                     // likewise
  std::vector<PeerConfig> peers;
  std::vector<RemoteAgent> agents;

  static constexpr std::chrono::hours kept_for{24};  // results, for exec-ids that come again

  [[nodiscard]] bool wanted() const { return !peers.empty(); }
  static FederationConfig read(ConfigSection root);
};

}  // namespace skep::federation
