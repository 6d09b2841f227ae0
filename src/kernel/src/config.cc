#include <algorithm>
#include <filesystem>

#include "skep/base/config_keys.h"
#include "skep/kernel/kernel.h"
#include "skep/store/append_file.h"

namespace skep::kernel {

namespace {

// What the kernel itself reads; rooms read their own sections.
void read_own(ConfigSection root, KernelConfig& config) {
  root.child("hive").read("id", config.hive);
  root.child("hive").read("default_agent", config.default_agent);
  config.gateway = fabric::GatewayConfig::read(root.child("hive"), config.home);
  root.child("api").read("listen", config.api_listen);
  config.api_rate = RateLimitConfig::read(root.child("api").child("rate_limit"));

  std::string sync = "process";
  root.child("store").read_choice("sync", {"process", "disk"}, sync);
  config.sync = sync == "disk" ? store::Sync::kDisk : store::Sync::kProcess;

  ConfigSection log = root.child("log");
  log.read_choice("level", {"debug", "info", "warn", "error"}, config.log_level);
  log.read("file", config.log_file);
}

// A bad models.json in the home is a problem of [llm]; the built-in catalogue still serves.
std::shared_ptr<const llm::Catalogue> open_catalogue(ConfigSection& root, const std::string& home) {
  auto catalogue = llm::Catalogue::open(home + "/models.json");
  if (!catalogue) {
    root.child("llm").problem("", catalogue.error().message);
    catalogue = llm::Catalogue::open();
  }
  return std::make_shared<const llm::Catalogue>(std::move(catalogue).value());
}

// [[users]], for the kernel and each channel.
void read_people(ConfigSection& root, KernelConfig& config) {
  const auto normal = [](std::string_view text) -> Result<std::string> {
    const bool domain = text.starts_with('@');
    SKEP_TRY(const xmpp::Jid jid, xmpp::Jid::parse(domain ? text.substr(1) : text));
    if (!jid.is_bare() || jid.local().empty() != domain) {
      return fail(Code::kInvalid,
                  "an address is \"ann@example.org\", \"@example.org\" for everybody there, "
                  "\"ann@cli\" or \"hive:lab\"");
    }
    return domain ? "@" + jid.domain() : jid.str();
  };
  config.people = identity::People::read(root, normal);
  const auto give = [&](channels::XmppChannelConfig& channel) {
    channel.allow.people = config.people;
    for (const std::string& admin : channel.allow.admins) {
      if (config.people.names(admin) && config.people.role_of(admin) < Role::kOwner)
        root.problem("users", fmt::format("{} is in [agent] admin_jids, whose people are owners, "
                                          "and has another role here",
                                          admin));
    }
  };
  if (config.xmpp) give(*config.xmpp);
  for (channels::XmppChannelConfig& one : config.xmpp_accounts) give(one);
}

void read_signers(ConfigSection& section, AgentsConfig& config) {
  std::vector<std::string> texts;
  section.read("trusted_signers", texts);
  for (const std::string& text : texts) {
    auto signer = authority::parse_signer(text);
    if (!signer) {
      section.problem("trusted_signers", fmt::format("\"{}\": {}", text, signer.error().message));
      continue;
    }
    const bool twice = std::ranges::any_of(config.signers, [&](const authority::Signer& other) {
      return other.name == signer->name || other.key == signer->key;
    });
    if (twice) section.problem("trusted_signers", fmt::format("\"{}\" is there twice", text));
    config.signers.push_back(*std::move(signer));
  }
  section.read("require_signed", config.require_signed);
  if (config.require_signed && config.signers.empty())
    section.problem("require_signed", "without trusted_signers no agent could be started");
}

// What needs agent and channel in one process says so.
void check_nodes(ConfigSection& root, const KernelConfig& config) {
  if (config.nodes.all_inside()) return;
  const auto needs_both = [&root](std::string_view what) {
    root.child("nodes").problem("", fmt::format("{} needs agent and xmpp inside", what));
  };
  if (!config.fabric.socket)
    root.child("nodes").problem("", "nodes in processes of their own need [fabric] socket = true");
  if (config.federation.wanted()) needs_both("[federation]");
  if (config.xmpp_send.enabled) needs_both("[skills.xmpp_send]");
  if (config.agents.main_tools == "on" && config.nodes.agent != NodesConfig::Where::kInside)
    root.child("nodes").problem("agent", "[agents] main_tools = \"on\" needs it inside");
}

}  // namespace

AgentsConfig AgentsConfig::read(ConfigSection section) {
  AgentsConfig config;
  section.read_duration("idle_secs", std::chrono::seconds(1), config.idle);
  section.read("agents_max", config.agents_max, {.min = 0, .max = 1'000'000});
  section.read("children_max", config.children_max, {.min = 0, .max = 10'000});
  section.read_duration("heartbeat_secs", std::chrono::seconds(1), config.heartbeat);
  section.read_duration("hung_secs", std::chrono::seconds(1), config.hung);
  section.read_duration("recovery_secs", std::chrono::seconds(1), config.recovery);
  section.read_choice("main_tools", {"auto", "on", "off"}, config.main_tools);
  read_signers(section, config);
  return config;
}

RateLimitConfig RateLimitConfig::read(ConfigSection section) {
  RateLimitConfig config;
  section.read("per_minute", config.per_minute, {.min = 0, .max = 1'000'000'000});
  section.read("owner_per_minute", config.owner_per_minute, {.min = 0, .max = 1'000'000'000});
  section.read("clients_max", config.clients_max, {.min = 1, .max = 1'000'000});
  return config;
}

MemoryToolsConfig MemoryToolsConfig::read(ConfigSection section) {
  MemoryToolsConfig config;
  section.read("knowledge", config.knowledge);
  section.read("tasks", config.tasks);
  section.read("events", config.events);
  return config;
}

KernelConfig KernelConfig::read(ConfigFile& file, const std::string& home) {
  KernelConfig config;
  config.home = home;
  ConfigSection root = file.root();
  read_own(root, config);
  config.fabric = FabricConfig::read(root.child("fabric"));
  config.authority = AuthoritySideConfig::read(root.child("authority"));
  config.fabric.gateway = config.gateway.wanted();
  config.gateway.config_from = config.fabric.config_from;
  config.streams = StreamsConfig::read(root.child("streams"));
  config.nodes = NodesConfig::read(root.child("nodes"));
  config.catalogue = open_catalogue(root, home);
  config.llm = llm::LlmConfig::read(root.child("llm"), *config.catalogue);
  config.tiers = llm::TiersConfig::read(root.child("llm"));
  config.agent = agent::AgentConfig::read(root);
  config.sub_agents = agent::SubAgentsConfig::read(root);
  config.turn_log = agent::TurnLogConfig::read(root.child("trace"), home);
  config.memory = memory::MemoryConfig::read(root, home);
  config.memory.sync = config.sync;
  config.personas = memory::PersonasConfig::read(root);
  config.search = memory::SearchConfig::read(root.child("memory"), config.memory.path);
  root.child("memory").read_duration("claim_mins", std::chrono::minutes(1), config.board.claim);
  config.memory_tools = MemoryToolsConfig::read(root.child("tools").child("memory"));
  config.agents = AgentsConfig::read(root.child("agents"));
  config.schedules = SchedulesConfig::read(root.child("schedules"));
  config.mail = MailConfig::read(root.child("mail"));
  config.quota = memory::QuotaConfig::read(root.child("quota"));
  config.web_fetch = tools::WebFetchConfig::read(root.child("skills").child("url_fetch"));
  config.web_search = tools::WebSearchConfig::read(root.child("skills").child("web_search"));
  config.location = tools::LocationConfig::read(root.child("skills").child("location"));
  config.attachments = attachments::AttachmentsConfig::read(root.child("attachments"));
  config.xmpp_send = tools::XmppSendConfig::read(root.child("skills").child("xmpp_send"), home);
  config.file_tools = tools::FileToolsConfig::read(root.child("tools").child("files"));
  config.shell_tools = tools::ShellToolsConfig::read(root.child("tools").child("shell"));
  // Read in any case, so that its keys in [agent] are known; used only where a server is
  // configured.
  channels::XmppChannelConfig xmpp = channels::XmppChannelConfig::read(root, &config.xmpp_accounts);
  xmpp.keep_files_in(home + "/run");
  for (channels::XmppChannelConfig& one : config.xmpp_accounts) one.keep_files_in(home + "/run");
  if (root.child("server").present()) config.xmpp = std::move(xmpp);
  read_people(root, config);
  config.federation = federation::FederationConfig::read(root);
  if (config.federation.wanted() && !config.xmpp)
    root.problem("federation", "other domains are reached over XMPP: it needs [server] as well");
  check_nodes(root, config);
  if (!Name::parse("AI.x", config.hive)) {
    root.child("hive").problem("id", "must be 1 to 64 characters from A-Z a-z 0-9 _ -");
  }
  if (!config.default_agent.empty() && !Name::parse(config.default_agent, config.hive)) {
    root.child("hive").problem("default_agent", "must be a name such as AI.support@lab");
  }
  return config;
}

std::vector<channels::XmppChannelConfig> KernelConfig::xmpp_nodes() const {
  std::vector<channels::XmppChannelConfig> all;
  if (xmpp) all.push_back(*xmpp);
  std::ranges::copy(xmpp_accounts, std::back_inserter(all));
  return all;
}

FabricBooks::Config KernelConfig::books(bool main, std::string router) const {
  return {.home = home,
          .router = std::move(router),
          .main = main,
          .config_from = fabric.config_from,
          .streams = streams,
          .sync = sync};
}

Result<std::map<std::string, std::string>> load_config_keys(
    const std::string& home, const std::optional<std::string>& path) {
  const std::string file = path.value_or(home + "/skep.toml");
  std::error_code ignored;
  if (!path && !std::filesystem::exists(file, ignored)) return std::map<std::string, std::string>();
  SKEP_TRY(const std::string text, store::read_file(file, 1u << 20));
  return config_keys(text);
}

Result<ConfigFile> load_config(const std::string& home, const std::optional<std::string>& path) {
  if (path) return ConfigFile::load(*path);
  const std::string usual = home + "/skep.toml";
  std::error_code ignored;
  if (std::filesystem::exists(usual, ignored)) return ConfigFile::load(usual);
  return ConfigFile::empty();
}

}  // namespace skep::kernel
