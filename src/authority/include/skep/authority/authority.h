// One function decides what may be done, for every tool, send and spawn, and writes down what it
// decided.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/authority/audit.h"
#include "skep/authority/capability.h"
#include "skep/base/config.h"
#include "skep/model/message.h"

namespace skep::authority {

// Where the words that led to an act come from. Labels only ever add up; nothing in a turn takes
// one away.
enum class Label : std::uint8_t {
  kExternalNetwork = 1,  // a page, a search result, a file that somebody sent
  kUntrustedAgent = 2,   // words of another domain's agent
  kUserInput = 4,
  kSecret = 8,  // holds something that looks like a key
};
struct Labels {
  std::uint8_t bits = 0;
  Labels& operator|=(Labels other) {
    bits |= other.bits;
    return *this;
  }
  Labels& operator|=(Label label) {
    bits |= static_cast<std::uint8_t>(label);
    return *this;
  }
  [[nodiscard]] bool has(Label label) const {
    return (bits & static_cast<std::uint8_t>(label)) != 0;
  }
  bool operator==(const Labels&) const = default;
};
std::string describe(Labels labels);  // "external_network, secret"; "" for none

// Why a person of that role may not do it, in words for them; nothing when they may, or where roles
// have no say. Pure: for looking ahead. What is done goes through authorize().
std::optional<std::string> why_role_bars(std::optional<Role> role, Action action);

// For whom something is done.
struct Principal {
  std::string id;  // a bare JID, "ann@cli", an agent's name; empty: the process itself
  bool admin = false;
  // Where there are [[users]] and a person stands behind it; none: roles have no say.
  std::optional<Role> role = {};
};

struct Question {
  Principal principal;
  std::string agent;  // the agent that acts, its node's name without the hive: "AI.support"
  Action action = Action::kToolInvoke;
  std::string resource;  // never empty but for actions without one
  // The person does it themselves, by a command or a route: no agent's grants are asked for, nor
  // the rules about agents, and only a role allows it.
  bool direct = false;
  bool sends = false;  // kNetConnect: words of ours leave with it (a body, a query)
  Labels labels;       // of what the act was decided on
  std::string trace;   // of the turn
  std::string detail;  // for people and the audit, cut to 200 bytes: "shell_exec: ls -l"
};
struct Decision {
  enum class Outcome : std::uint8_t { kAllow, kDeny, kAsk };
  Outcome outcome = Outcome::kDeny;
  std::string
      reason;  // a sentence for the model and the person; kAllow: which rule, for `skep trace`
};

// [authority]
struct AuthorityConfig {
  // Acts that need a person's yes, as "action:glob" ("shell_exec:*", "xmpp_send:*"). Default: none
  // beyond taint.
  std::vector<std::string> ask;
  // Acts that are never done, whatever a manifest grants.
  std::vector<std::string> deny;
  // What happens when words from outside would reach a sink (shell_exec, net_connect that sends,
  // xmpp_send, agent_message, remote_execute, schedule), or a secret one that leaves this process
  // (the same without shell_exec and schedule): "ask", "deny" or "allow".
  std::string tainted = "ask";

  static AuthorityConfig read(ConfigSection section);
};

// Loop thread only; synchronous, some microseconds (one line of audit without a disk wait).
class Authority {
 public:
  // `grants` names what an agent has; nullptr: no such agent, which may nothing. Both outlive the
  // Authority. kInvalid for rules that parse_capability() refuses.
  static Result<std::unique_ptr<Authority>> open(
      AuthorityConfig config, AuditLog& audit,
      std::function<const Grants*(std::string_view agent)> grants);
  virtual ~Authority() = default;

  // In this order: the person's role, [authority] deny, the agent's grants, taint, [authority] ask;
  // the first that speaks decides, and nothing that speaks is kDeny. Every decision is in the audit
  // log when this returns; when it cannot be written the answer is kDeny.
  virtual Decision authorize(const Question& question) = 0;
  // Other rules from the next question on. kInvalid as in open(): then the old ones stay.
  virtual Result<void> set_rules(const AuthorityConfig& config) = 0;
};

}  // namespace skep::authority
