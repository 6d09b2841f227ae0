// What an agent is, as its file says: agents/<name>/agent.toml.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/authority/capability.h"
#include "skep/base/config.h"
#include "skep/base/result.h"
#include "skep/memory/ledger.h"
#include "skep/schedule/due.h"

namespace skep::agent {

// How far an agent's programs may go within what [tools.shell] allows everybody.
enum class ExecPolicy : std::uint8_t {
  kDeny = 0,   // no programs
  kAllowlist,  // only where [tools.shell] names the programs that may run
  kFull        // whatever [tools.shell] allows
};
std::string_view exec_policy_name(ExecPolicy policy);

// One way to a model. Provider and model both empty: the house's ([llm]).
struct ModelWay {
  std::string provider, model;
  std::string api_key_env;  // a variable that holds the key; empty: the provider's usual ones
  std::string base_url;     // empty: the provider's
  [[nodiscard]] bool is_default() const { return provider.empty() && model.empty(); }
  bool operator==(const ModelWay&) const = default;
};

// When an agent wakes beside when it is spoken to.
struct Wakes {
  enum class Mode : std::uint8_t {
    kReactive = 0,  // never
    kContinuous,    // again and again, `interval` apart
    kPeriodic,      // when `cron` says
    kProactive      // when something happens that `conditions` name
  };
  static constexpr std::size_t conditions_max = 16;

  Mode mode = Mode::kReactive;
  std::chrono::seconds interval{60};
  std::string cron;  // as schedule::When::parse() takes it
  schedule::Missed missed = schedule::Missed::kOnce;
  std::vector<std::string> conditions;  // as schedule::Condition::parse() takes them
  std::int64_t fires_max = 0;           // kProactive: then it waits no more; 0: no limit
  // [autonomous]
  std::string time_zone;              // of `cron` and the quiet hours; empty: the system's
  std::string quiet_hours;            // "22:00-06:30": it does not wake by itself then
  std::chrono::seconds heartbeat{0};  // a turn without a sign of life for twice as long hangs; 0:
                                      // [agents] hung_secs says
  int restarts_max = 10;              // after hanging, in all; 0: no limit but three in a row

  bool operator==(const Wakes&) const = default;
};
std::string_view mode_name(Wakes::Mode mode);  // "reactive", …

// A value. Texts are taken as they stand: no variables are expanded in it, since a model may have
// written it.
struct Manifest {
  static constexpr std::size_t bytes_max = 64u << 10;  // of the file
  static constexpr std::size_t list_max = 256;         // entries of each list
  static constexpr std::size_t name_bytes_max = 128;   // of the name, and of each list's entry
  static constexpr std::size_t prompt_bytes_max = 32u << 10;
  static constexpr std::size_t fallbacks_max = 8;

  std::string name;  // a node's name without type and hive: "writer", "sales.eu"
  std::string version = "0.1.0";
  std::string description, author;
  std::vector<std::string> tags;  // for finding; they give no rights

  ModelWay model;
  std::optional<int> max_tokens;      // of one answer; [llm] max_tokens_per_request
  std::optional<double> temperature;  // [llm] temperature
  std::string system_prompt;
  std::vector<ModelWay> fallbacks;  // [[fallback_models]], asked in this order

  // [resources]; 0: no limit of its own.
  std::int64_t tokens_per_hour = 0, tokens_per_day = 0, tokens_per_month = 0;
  double usd_per_hour = 0, usd_per_day = 0, usd_per_month = 0;
  std::int64_t tool_calls_per_minute = 60;

  // [capabilities]. Absent lists come from the profile; a list that is there replaces its part.
  std::optional<std::vector<std::string>> tools, network, memory_read, memory_write, shell,
      agent_message, agent_kill;
  std::optional<bool> agent_spawn;
  std::string profile;  // empty: minimal where `tools` is absent

  std::vector<std::string> tool_allowlist;  // not empty: of the granted tools only these
  std::vector<std::string> tool_blocklist;  // never these
  std::optional<ExecPolicy> exec_policy;    // absent: kFull
  Wakes wakes;
  // Which personas people may put on it: "house", those of the house; "own", those of
  // agents/<name>/memory/personas; empty: none. With either also their own.
  std::string personas;
  std::string workspace;  // a folder under <home>/workspaces, shared by all who name it; empty: own

  bool operator==(const Manifest&) const = default;

  // kInvalid with every problem, a line each ("agent.toml:3: [model] temperature: …"): bad TOML,
  // wrong types, unknown keys with a suggestion, and keys that other systems know but that mean
  // nothing here. `file` is what problems call it. `name_if_none`: taken where the file names none.
  static Result<Manifest> parse(std::string_view toml, std::string file = "agent.toml",
                                std::string_view name_if_none = {});
  // TOML that parse() reads as the same value; only what is no default.
  [[nodiscard]] std::string to_text() const;

  [[nodiscard]] authority::Grants grants() const;
  [[nodiscard]] memory::SpendLimits limits() const;
  // Whether a granted tool passes allowlist and blocklist (without regard to case).
  [[nodiscard]] bool lists_allow(std::string_view tool) const;
  // Ok when a child with this manifest would hold nothing that `parent` lacks: grants, programs,
  // budgets, keys, endpoints, folders. kDenied "privilege escalation: …" naming the first that it
  // would. What the parent bounds and the child leaves open, the child must take over: see
  // bounded_by().
  [[nodiscard]] Result<void> check_child_of(const Manifest& parent) const;
  // This manifest with the parent's limits wherever it had none of its own.
  [[nodiscard]] Manifest bounded_by(const Manifest& parent) const;
};

// 1 to 9 dot-separated fields of [A-Za-z0-9_+-], 128 bytes in all.
bool is_agent_name(std::string_view name);

}  // namespace skep::agent
