// The agent protocol, urn:fluux:agent:0 (docs/protocol/agent-protocol.md): what programs that act
// for people ask of each other, as values. Pure. Readers take what strangers wrote: over a limit is
// kTooLarge, not of the protocol kInvalid, and what is unknown is passed over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/json.h"
#include "skep/model/money.h"
#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsAgent = "urn:fluux:agent:0";
inline constexpr std::string_view kNsAgentSkills = "urn:fluux:agent:0#skills";
inline constexpr std::string_view kNsAgentExecute = "urn:fluux:agent:0#execute";
inline constexpr std::string_view kNsAgentConfirm = "urn:fluux:agent:0#confirm";
inline constexpr std::string_view kNsAgentProgress = "urn:fluux:agent:0#progress";
inline constexpr std::string_view kNsAgentDelegate = "urn:fluux:agent:0#delegate";
inline constexpr std::string_view kNsAgentErrors = "urn:fluux:agent:0#errors";
inline constexpr std::string_view kNsAgentInfo = "urn:fluux:agent:0#info";
inline constexpr std::string_view kNsRsm = "http://jabber.org/protocol/rsm";

// Beside what a configuration says.
struct AgentLimits {
  static constexpr std::size_t kIdBytesMax = 128;  // of exec-ids, skill ids, confirmation ids
  static constexpr std::size_t kParamsMax = 64;
  static constexpr std::size_t kChainMax = 16;
  static constexpr std::size_t kSkillsMax = 500;
  static constexpr std::size_t kPageMax = 50;  // skills in one answer
  static constexpr std::size_t kOutputsMax = 16;
  static constexpr std::size_t kResultBytesMax = 256 * 1024;  // all outputs together, as they stand
  static constexpr std::size_t kNoteBytesMax = 1024;          // of a progress' text, of a fault's
};

// ---- 3. Skills

struct AgentSkill {
  std::string id;  // [a-z0-9_]{1,64} of ours; of others anything up to kIdBytesMax
  std::string version;
  bool destructive = false;
  std::string cost;
  std::string name;
  std::string description;
  std::string schema;  // JSON Schema of the arguments, as text
  bool operator==(const AgentSkill&) const = default;
};
struct SkillsQuery {
  std::string ver;  // of the catalogue that the asker has; empty: none
  std::string after;
  std::size_t max = AgentLimits::kPageMax;
  bool operator==(const SkillsQuery&) const = default;
};
struct SkillsPage {
  std::string ver;
  std::vector<AgentSkill> skills;
  std::size_t total = 0;  // in all pages; 0 with a ver: nothing has changed
  bool operator==(const SkillsPage&) const = default;
};
Element to_element(const SkillsQuery& query);
Result<SkillsQuery> read_skills_query(const Element& query);
Element to_element(const SkillsPage& page);
Result<SkillsPage> read_skills_page(const Element& query);

// ---- 4. Executions

// What may be spent. <budget/> in an <execute/> or around one.
struct ExecBudget {
  std::int64_t tokens = 0;           // 0: not said
  PicoUsd usd = 0;                   // 0: not said
  std::optional<WallTime> deadline;  // after it nobody waits any more
  bool operator==(const ExecBudget&) const = default;
};
// What both allow; what one does not say the other says.
ExecBudget narrower(const ExecBudget& one, const ExecBudget& other);

enum class ReplyMode : std::uint8_t { kAuto, kSync, kAsync };
struct ExecuteRequest {
  std::string skill;
  std::vector<std::pair<std::string, std::string>> params;  // over members of `input`
  std::string input;                                        // JSON text; empty: none
  std::string exec_id;                                      // empty: none
  int timeout_secs = 0;                                     // 0: not said
  std::string lang;
  ReplyMode reply = ReplyMode::kAuto;
  ExecBudget budget = {};
  bool operator==(const ExecuteRequest&) const = default;
};
Element to_element(const ExecuteRequest& request);
// <execute/> in #execute. `payload_bytes_max`: of params and input together.
Result<ExecuteRequest> read_execute(const Element& execute, std::size_t payload_bytes_max);
// Params and input as one object. A param whose type `schema` calls integer, number, boolean, array
// or object is read as such; others are text. kInvalid when the input is no JSON object.
Result<json::object> arguments_of(const ExecuteRequest& request, const json::value& schema);

enum class ExecStatus : std::uint8_t {
  kAccepted,
  kRunning,
  kNeedsConfirmation,
  kCompleted,
  kFailed,
  kCancelled,
  kExpired
};
std::string_view exec_status_name(ExecStatus status);
std::optional<ExecStatus> exec_status_from(std::string_view name);
inline bool is_final(ExecStatus status) { return status >= ExecStatus::kCompleted; }

enum class AgentFault : std::uint8_t {
  kUnknownSkill,
  kInvalidParams,
  kNotAuthorised,
  kSkillDisabled,
  kQuotaExceeded,
  kRateLimited,
  kTimeout,
  kDenied,
  kExpired,
  kDelegationDepth,
  kDelegationLoop,
  kPayloadTooLarge,
  kFailed
};
std::string_view agent_fault_name(AgentFault fault);  // "unknown-skill", …
std::optional<AgentFault> agent_fault_from(std::string_view name);
struct AgentError {
  AgentFault fault = AgentFault::kFailed;
  std::string text;
  int retry_after_secs = 0;  // 0: not said
  bool operator==(const AgentError&) const = default;
};
// The error answer to an iq or message, with the stanza condition of 8 and the application's.
Element agent_error(const Element& request, const AgentError& error);
// Of a stanza of type error; nullopt when it has no condition of this protocol.
std::optional<AgentError> read_agent_error(const Element& stanza);
// The same of what Session::request made of such a stanza.
std::optional<AgentFault> agent_fault_of(const Error& error);

// As it stands, or where it can be fetched.
struct ExecOutput {
  std::string type;  // "text/plain", "application/json"
  std::string text;
  std::string href = {};    // https; then there is no text
  std::string sha256 = {};  // hex, of what is there; empty: not said
  std::uint64_t size =
      0;  // bytes of the whole: what is there, or of a text that was cut; 0: not said
  bool operator==(const ExecOutput&) const = default;
};
struct ExecUsage {
  std::int64_t input = 0, output = 0, ms = 0;  // tokens, tokens, milliseconds
  std::optional<PicoUsd> usd = {};             // nullopt: not said
  bool operator==(const ExecUsage&) const = default;
};
struct ExecResult {
  std::string skill;
  std::string exec_id;
  ExecStatus status = ExecStatus::kAccepted;
  std::vector<ExecOutput> outputs;
  std::optional<ExecUsage> usage;
  std::optional<AgentError> error;  // kFailed, kExpired
  bool operator==(const ExecResult&) const = default;
};
Element to_element(const ExecResult& result);
// `bytes_max`: of all outputs together.
Result<ExecResult> read_exec_result(const Element& result,
                                    std::size_t bytes_max = AgentLimits::kResultBytesMax);

struct ExecProgress {
  std::string exec_id;
  std::int64_t seq = 0;
  std::optional<int> percent;  // 0 to 100
  std::string text;
  bool operator==(const ExecProgress&) const = default;
};
Element to_element(const ExecProgress& progress);
Result<ExecProgress> read_exec_progress(const Element& progress);

// <status exec-id/> and <cancel exec-id/> in #execute.
Element exec_control(std::string_view name, std::string_view exec_id);
// The exec-id; kInvalid without one.
Result<std::string> read_exec_control(const Element& control);

// ---- 5. Confirmations

struct AgentConfirm {
  std::string id;
  std::string action;                                       // its type
  std::vector<std::pair<std::string, std::string>> fields;  // of the action: to, subject, …
  std::string risk;                                         // low, medium, high, critical; or empty
  std::optional<WallTime> expires;
  bool operator==(const AgentConfirm&) const = default;
};
Element to_element(const AgentConfirm& confirm);
Result<AgentConfirm> read_agent_confirm(const Element& confirm);
struct AgentConfirmed {
  std::string id;
  bool approve = false;
  std::string remember = "none";  // none, contact, skill
  bool operator==(const AgentConfirmed&) const = default;
};
Element to_element(const AgentConfirmed& confirmed);
Result<AgentConfirmed> read_agent_confirmed(const Element& confirmed);
Element confirm_result(std::string_view id, std::string_view outcome);

// ---- 6. Delegation

struct AgentDelegation {
  int depth = 1;
  int depth_max = 2;
  std::vector<std::string> chain;  // bare addresses, whoever began first; the asker is the last
  std::string origin;              // for whom, when that person agrees; or a hash; or empty
  ExecBudget budget;
  // <execute/>; a free-text <task/> is the skill kAskSkill with a param kAskParam.
  ExecuteRequest work;
  bool operator==(const AgentDelegation&) const = default;
};
inline constexpr std::string_view kAskSkill = "ask";
inline constexpr std::string_view kAskParam = "task";
Element to_element(const AgentDelegation& delegation);
Result<AgentDelegation> read_delegation(const Element& delegate, std::size_t payload_bytes_max);

// The child of a stanza that is of this protocol: query, execute, delegate, status, cancel, result,
// progress, confirm, confirmed, confirm-result; nullptr: none.
const Element* agent_payload(const Element& stanza);

}  // namespace skep::xmpp
