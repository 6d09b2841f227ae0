#include "skep/agent/manifest.h"

#include <cmath>

#include "manifest_wakes.h"
#include "skep/base/text.h"
#include "skep/model/name.h"

namespace skep::agent {
namespace {

constexpr std::size_t kProblemsShown = 20;

// Keys of the systems whose manifests look like ours. They would change what an agent may do or
// when it runs, so being silent about them would be a lie.
struct Refused {
  std::string_view section, key, why;
};
constexpr Refused kRefused[] = {
    {"", "session_mode", "sessions always persist here"},
    {"", "priority", "there are no priorities between agents here"},
    {"", "skills", "there are no skills here yet"},
    {"", "skills_disabled", "there are no skills here yet"},
    {"", "mcp_servers", "there are no MCP servers here yet"},
    {"", "mcp_disabled", "there are no MCP servers here yet"},
    {"", "metadata", "nothing would read it; use tags or a comment"},
    {"", "routing", "an agent has one model and its fallbacks here"},
    {"", "pinned_model", "an agent has one model and its fallbacks here"},
    {"", "triggers", "write schedule = { proactive = { conditions = […] } }"},
    {"", "state_dir", "the agent's folder is agents/<name> in the home"},
    {"", "generate_identity_files",
     "write identity.md, personality.md and instructions.md into "
     "agents/<name>/memory as you like"},
    {"", "cache_context", "there is no context.md here; use instructions.md in the agent's memory"},
    {"", "max_history_messages", "history is bounded in tokens: [llm] history_token_budget"},
    {"", "tools",
     "settings of tools stand in skep.toml; which tools the agent has: "
     "[capabilities] tools"},
    {"", "enabled", "use `skep agent pause`"},
    {"", "response_format", "answers are text here"},
    {"", "workspaces", "an agent has one workspace here"},
    {"resources", "max_memory_bytes", "programs are bounded by [tools.shell] in skep.toml"},
    {"resources", "max_cpu_time_ms", "programs are bounded by [tools.shell] in skep.toml"},
    {"resources", "burst_ratio", "an hour is the last sixty minutes here, without bursts"},
    {"resources", "max_network_bytes_per_hour", "nothing counts network bytes here yet"},
    {"autonomous", "max_iterations", "[skills] max_tool_rounds in skep.toml bounds a turn"},
    {"autonomous", "heartbeat_channel", "`skep agent logs` and the fabric's events tell of it"},
    {"capabilities", "ofp_discover", "agents reach others by agent_message here, on every hive"},
    {"capabilities", "ofp_connect", "agents reach others by agent_message here, on every hive"},
    {"capabilities", "ofp_advertise", "agents reach others by agent_message here, on every hive"},
};

void refuse_all(ConfigSection section) {
  for (const Refused& one : kRefused) {
    if (one.section == section.path()) section.refuse(one.key, std::string(one.why));
  }
}

bool read_text(ConfigSection& section, std::string_view key, std::string& into,
               std::size_t bytes_max = Manifest::name_bytes_max * 4) {
  if (!section.read(key, into)) return false;
  const bool good = into.size() <= bytes_max && is_valid_utf8(into) && !into.contains('\0');
  if (!good) section.problem(key, fmt::format("must be text of at most {} bytes", bytes_max));
  return good;
}

void read_list(ConfigSection& section, std::string_view key, std::vector<std::string>& into) {
  if (!section.read(key, into)) return;
  auto bad = [](const std::string& entry) {
    return entry.empty() || entry.size() > Manifest::name_bytes_max || !is_valid_utf8(entry);
  };
  if (into.size() > Manifest::list_max)
    section.problem(key, fmt::format("at most {} entries", Manifest::list_max));
  else if (std::ranges::any_of(into, bad))
    section.problem(key,
                    fmt::format("an entry is text of 1 to {} bytes", Manifest::name_bytes_max));
}

void read_list(ConfigSection& section, std::string_view key,
               std::optional<std::vector<std::string>>& into) {
  if (section.has(key)) into.emplace();
  std::vector<std::string> list;
  read_list(section, key, list);
  if (into) into = std::move(list);
}

// "default" is how other systems spell an empty one.
void read_way(ConfigSection& section, ModelWay& way) {
  read_text(section, "provider", way.provider);
  const bool has_model = read_text(section, "model", way.model);
  if (std::string name; read_text(section, "name", name)) {
    if (has_model) section.problem("name", "model is set too: keep one of the two");
    way.model = std::move(name);
  }
  read_text(section, "api_key_env", way.api_key_env);
  read_text(section, "base_url", way.base_url, 2048);
  if (way.provider == "default") way.provider.clear();
  if (way.model == "default") way.model.clear();
  if (way.is_default() && (!way.api_key_env.empty() || !way.base_url.empty()))
    section.problem("provider", "a key or an endpoint needs a provider");
}

void read_model(ConfigSection root, Manifest& manifest) {
  ConfigSection model = root.child("model");
  read_way(model, manifest.model);
  if (int tokens = 0; model.read("max_tokens", tokens, {.min = 1, .max = 1'000'000}))
    manifest.max_tokens = tokens;
  if (double temperature = 0; model.read("temperature", temperature)) {
    if (temperature >= 0 && temperature <= 2)
      manifest.temperature = temperature;
    else
      model.problem("temperature", "must be between 0 and 2");
  }
  read_text(model, "system_prompt", manifest.system_prompt, Manifest::prompt_bytes_max);
  for (ConfigSection& section : root.list("fallback_models")) {
    ModelWay way;
    read_way(section, way);
    manifest.fallbacks.push_back(std::move(way));
  }
  if (manifest.fallbacks.size() > Manifest::fallbacks_max)
    root.problem("fallback_models", fmt::format("at most {}", Manifest::fallbacks_max));
}

void read_usd(ConfigSection& section, std::string_view key, double& into) {
  constexpr double kUsdMax = 1'000'000;
  if (section.read(key, into) && !(into >= 0 && into <= kUsdMax))
    section.problem(key, "must be US dollars from 0 to a million");
}

void read_resources(ConfigSection section, Manifest& manifest) {
  section.read("max_llm_tokens_per_hour", manifest.tokens_per_hour, {.min = 0});
  section.read("max_llm_tokens_per_day", manifest.tokens_per_day, {.min = 0});
  section.read("max_llm_tokens_per_month", manifest.tokens_per_month, {.min = 0});
  read_usd(section, "max_cost_per_hour_usd", manifest.usd_per_hour);
  read_usd(section, "max_cost_per_day_usd", manifest.usd_per_day);
  read_usd(section, "max_cost_per_month_usd", manifest.usd_per_month);
  section.read("max_tool_calls_per_minute", manifest.tool_calls_per_minute,
               {.min = 0, .max = 100'000});
  refuse_all(section);
}

void read_capabilities(ConfigSection section, Manifest& manifest) {
  read_list(section, "tools", manifest.tools);
  read_list(section, "network", manifest.network);
  read_list(section, "memory_read", manifest.memory_read);
  read_list(section, "memory_write", manifest.memory_write);
  read_list(section, "shell", manifest.shell);
  read_list(section, "agent_message", manifest.agent_message);
  read_list(section, "agent_kill", manifest.agent_kill);
  if (bool spawn = false; section.read("agent_spawn", spawn)) manifest.agent_spawn = spawn;
  refuse_all(section);
}

void read_exec_policy(ConfigSection& root, Manifest& manifest) {
  std::string word;
  const std::vector<std::string> words{"deny", "none",  "disabled", "allowlist",   "restricted",
                                       "full", "allow", "all",      "unrestricted"};
  if (!root.read_choice("exec_policy", words, word)) return;
  const auto at = static_cast<std::size_t>(std::ranges::find(words, word) - words.begin());
  manifest.exec_policy = at < 3   ? ExecPolicy::kDeny
                         : at < 5 ? ExecPolicy::kAllowlist
                                  : ExecPolicy::kFull;
}

void read_rest(ConfigSection& root, Manifest& manifest) {
  root.read_choice("profile",
                   {"minimal", "coding", "research", "messaging", "automation", "full", "custom"},
                   manifest.profile);
  if (manifest.profile == "custom") manifest.profile = "full";
  read_list(root, "tool_allowlist", manifest.tool_allowlist);
  read_list(root, "tool_blocklist", manifest.tool_blocklist);
  read_exec_policy(root, manifest);
  if (read_text(root, "workspace", manifest.workspace) && !is_agent_name(manifest.workspace))
    root.problem("workspace", "must be the name of a folder under <home>/workspaces");
  root.read_choice("personas", {"none", "own", "house"}, manifest.personas);
  if (manifest.personas == "none") manifest.personas.clear();
  std::string module = "builtin:chat";
  root.read_choice("module", {"builtin:chat"}, module);
  read_wakes(root, manifest.wakes);
  refuse_all(root.child("autonomous"));
}

void read_all(ConfigSection root, Manifest& manifest, std::string_view name_if_none) {
  if (!root.read("name", manifest.name)) manifest.name = name_if_none;
  if (!is_agent_name(manifest.name)) {
    root.problem("name",
                 "must be 1 to 128 characters of A-Z a-z 0-9 _ + -, in at most 9 parts with "
                 "dots between");
  }
  read_text(root, "version", manifest.version);
  read_text(root, "description", manifest.description, 2048);
  read_text(root, "author", manifest.author);
  read_list(root, "tags", manifest.tags);
  read_model(root, manifest);
  read_resources(root.child("resources"), manifest);
  read_capabilities(root.child("capabilities"), manifest);
  read_rest(root, manifest);
  refuse_all(root);
}

}  // namespace

std::string_view exec_policy_name(ExecPolicy policy) {
  constexpr std::string_view kNames[] = {"deny", "allowlist", "full"};
  return kNames[static_cast<std::size_t>(policy)];
}

bool is_agent_name(std::string_view name) {
  if (name.empty() || name.size() > Manifest::name_bytes_max || name.contains('@')) return false;
  return Name::parse(fmt::format("AI.{}", name), "x").has_value();
}

Result<Manifest> Manifest::parse(std::string_view toml, std::string file,
                                 std::string_view name_if_none) {
  if (toml.size() > bytes_max) {
    return fail(Code::kTooLarge,
                fmt::format("{} is larger than {}", file, human_size(Manifest::bytes_max)));
  }
  SKEP_TRY(ConfigFile parsed, ConfigFile::parse(toml, std::move(file), {}));
  Manifest manifest;
  read_all(parsed.root(), manifest, name_if_none);
  const std::vector<ConfigProblem> problems = parsed.problems();
  if (problems.empty()) return manifest;
  std::vector<std::string> lines;
  for (const ConfigProblem& problem : problems) {
    if (lines.size() == kProblemsShown) {
      lines.push_back(fmt::format("and {} more", problems.size() - kProblemsShown));
      break;
    }
    lines.push_back(fmt::format("{}: {}", problem.where, problem.message));
  }
  return fail(Code::kInvalid, join(lines, "\n"));
}

}  // namespace skep::agent
