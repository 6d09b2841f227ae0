// Puts the rooms together: opens them in order, closes them in reverse.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "skep/agent/sub_agents.h"
#include "skep/async/pool.h"
#include "skep/attachments/attachments.h"
#include "skep/authority/signature.h"
#include "skep/base/config.h"
#include "skep/channels/web_channel.h"
#include "skep/channels/xmpp_channel.h"
#include "skep/fabric/gateway.h"
#include "skep/federation/config.h"
#include "skep/identity/people.h"
#include "skep/kernel/authority_side.h"
#include "skep/kernel/fabric_side.h"
#include "skep/kernel/mail_config.h"
#include "skep/kernel/nodes.h"
#include "skep/kernel/schedules_config.h"
#include "skep/llm/model.h"
#include "skep/memory/search.h"
#include "skep/memory/task_board.h"
#include "skep/store/db.h"
#include "skep/tools/builtin.h"
#include "skep/tools/web_search.h"
#include "skep/tools/workspace.h"
#include "skep/tools/xmpp_send.h"

namespace skep::kernel {

class Agents;
class Jobs;

std::string_view version();  // "0.1.0"

// [agents]
struct AgentsConfig {
  static constexpr std::size_t spawn_depth_max = 5;  // agents spawned by agents spawned by …

  std::chrono::milliseconds idle{60'000};  // idle_secs: an agent without a message is dropped then
  std::size_t agents_max = 20'000;         // registered ones; more are refused
  std::size_t children_max = 50;           // that one agent may have spawned
  // Whether the agent of skep.toml has agent_*: "on", "off", "auto": as soon as there is another
  // agent.
  std::string main_tools = "auto";
  // heartbeat_secs: how often all agents are looked at; 0: never.
  std::chrono::milliseconds heartbeat{30'000};
  // hung_secs: a turn without a sign of life for so long hangs; its agent has crashed.
  std::chrono::milliseconds hung{180'000};
  // recovery_secs: between two starts of an agent that has crashed; it doubles where a start fails.
  std::chrono::milliseconds recovery{60'000};
  static constexpr int hangs_max = 3;  // in a row; then the agent is ended
  // trusted_signers ("ops:<64 hex>"): whose signature under a manifest counts.
  std::vector<authority::Signer> signers;
  // require_signed: a manifest without one is not spawned, whoever asks. A signature that is there
  // is always looked at.
  bool require_signed = false;

  static AgentsConfig read(ConfigSection section);
};

// [tools.memory]: which of these the agent of skep.toml has.
struct MemoryToolsConfig {
  bool knowledge = false, tasks = false, events = false;
  static MemoryToolsConfig read(ConfigSection section);
};

// [api.rate_limit]: what clients of the HTTP routes may ask for in a minute, and at once, in units
// that docs/api.md lists.
struct RateLimitConfig {
  std::int64_t per_minute = 500;  // of each client address without the token; 0: no limit
  std::int64_t owner_per_minute = 3'000'000;  // of all who have the token, together
  std::size_t clients_max = 10'000;           // addresses remembered; more share one limit

  static RateLimitConfig read(ConfigSection section);
};

// Everything skep.toml says, typed.
struct KernelConfig {
  std::string home;
  std::string hive = "local";                 // [hive] id
  std::string default_agent;                  // [hive] default_agent; empty: the own agent
  fabric::GatewayConfig gateway;              // [hive] listen, uplinks, …
  std::string api_listen = "127.0.0.1:4545";  // [api] listen
  RateLimitConfig api_rate;                   // [api.rate_limit]
  store::Sync sync = store::Sync::kProcess;   // [store] sync = "process" | "disk"
  std::string log_level = "info";             // [log] level, file
  std::string log_file;
  std::shared_ptr<const llm::Catalogue> catalogue;  // with <home>/models.json
  llm::LlmConfig llm;
  llm::TiersConfig tiers;  // [llm] default, [llm.tiers], [llm.router]
  agent::AgentConfig agent;
  agent::SubAgentsConfig sub_agents;  // [agent], [llm.agents.*]
  agent::TurnLogConfig turn_log;      // [trace]
  memory::MemoryConfig memory;
  memory::PersonasConfig personas;  // [personas]
  memory::SearchConfig search;      // [memory.search]
  memory::BoardConfig board;        // [memory] claim_mins
  MemoryToolsConfig memory_tools;   // [tools.memory]
  AgentsConfig agents;
  SchedulesConfig schedules;  // [schedules]
  MailConfig mail;            // [mail]
  memory::QuotaConfig quota;  // [quota]
  tools::WebFetchConfig web_fetch;
  tools::WebSearchConfig web_search;           // [skills.web_search]
  tools::LocationConfig location;              // [skills.location]
  attachments::AttachmentsConfig attachments;  // [attachments]
  FabricConfig fabric;                         // [fabric]
  NodesConfig nodes;                           // [nodes]
  StreamsConfig streams;                       // [streams]
  AuthoritySideConfig authority;               // [authority]
  identity::People people;                     // [[users]]; each channel has them too
  tools::XmppSendConfig xmpp_send;             // [skills.xmpp_send]
  tools::FileToolsConfig file_tools;
  tools::ShellToolsConfig shell_tools;
  federation::FederationConfig federation;                 // [federation], [llm.agents.*]
  std::optional<channels::XmppChannelConfig> xmpp;         // when [server] is there
  std::vector<channels::XmppChannelConfig> xmpp_accounts;  // [[accounts]]
  [[nodiscard]] bool has_xmpp() const { return xmpp || !xmpp_accounts.empty(); }
  // Both, [server] first.
  [[nodiscard]] std::vector<channels::XmppChannelConfig> xmpp_nodes() const;

  // What the file says, key by key, for finding what has changed; empty: nobody will ask.
  std::map<std::string, std::string> keys;

  // Reads every section; problems are in `file` afterwards (file.problems()).
  static KernelConfig read(ConfigFile& file, const std::string& home);
  // Of the daemon's router, or of another one of the same home.
  [[nodiscard]] FabricBooks::Config books(bool main, std::string router) const;
};
// --home, $SKEP_HOME, ~/.skep
std::string default_home();
// `path` if given (must exist), else <home>/skep.toml if there, else an empty configuration.
Result<ConfigFile> load_config(const std::string& home, const std::optional<std::string>& path);
// The keys of that file.
Result<std::map<std::string, std::string>> load_config_keys(const std::string& home,
                                                            const std::optional<std::string>& path);

// One process at a time owns a home.
class HomeLock {
 public:
  // kConflict naming the holder's pid and address when another process has it.
  static Result<HomeLock> take(const std::string& home);
  HomeLock(HomeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  HomeLock& operator=(HomeLock&&) = delete;
  ~HomeLock();

 private:
  explicit HomeLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

struct KernelOptions {
  // false: no channel but the local one, no sockets (skep chat without a daemon)
  bool networks = true;
  // A channel gave up for good; what failed, why, what to do. The caller ends the process.
  std::function<void(const Error&)> fatal;
  // This process is that node alone, linked to a router of the home (`skep node KIND`). Then
  // web(), router() and ledger() of what it does not have are not to be asked for.
  std::optional<NodeKind> only = {};
  // What processes of nodes are started with, behind "skep node KIND" ([nodes] "process").
  std::vector<std::string> node_arguments = {};
  // An administrator wants the configuration read again (/reload): does it, through
  // Kernel::reload(), and gives the sentence to answer with. Empty: there is no such thing.
  std::function<std::string()> reload = {};
};

// What a configuration that was read again came to, as keys ("quota.daily_tokens").
struct Reloaded {
  std::vector<std::string> taken;    // in force now
  std::vector<std::string> waiting;  // changed, and in force after a restart
};

// Loop thread only.
class Kernel {
 public:
  // Takes the home's lock, opens the stores, chooses the model, attaches the nodes, resumes
  // unfinished turns.
  static Task<Result<std::unique_ptr<Kernel>>> open(Loop& loop, KernelConfig config,
                                                    KernelOptions options);
  virtual ~Kernel() = default;
  // Stops taking messages, lets turns finish, closes everything; bounded by the Ctx.
  virtual Task<void> close(Ctx ctx) = 0;

  [[nodiscard]] virtual const KernelConfig& config() const = 0;
  [[nodiscard]] virtual const llm::Choice& model_choice() const = 0;
  [[nodiscard]] virtual channels::WebChannel& web() = 0;
  [[nodiscard]] virtual fabric::Router& router() = 0;
  [[nodiscard]] virtual Agents& agents() = 0;  // <skep/kernel/agents.h>
  [[nodiscard]] virtual Jobs* jobs() = 0;      // <skep/kernel/jobs.h>; null in a node's process
  [[nodiscard]] virtual memory::Ledger& ledger() = 0;
  // What models have cost, also in the process of an agent that has one of its own: /api/usage.
  [[nodiscard]] virtual json::object usage() const = 0;
  virtual fabric::Tracer* tracer() = 0;  // null without a socket for nodes
  // The hive's routes and zones; null without networks.
  [[nodiscard]] virtual fabric::ConfigLog* config_log() = 0;
  [[nodiscard]] virtual AuthoritySide& authority() = 0;
  [[nodiscard]] virtual json::object status() const = 0;  // the whole picture, for /api/status
  [[nodiscard]] virtual WallTime started() const = 0;
  // Takes over what may change while it runs (docs/configuration.md) out of a configuration that
  // was read again and has no problems: all of it, or on an error nothing.
  virtual Result<Reloaded> reload(const KernelConfig& config) = 0;
};

}  // namespace skep::kernel
