// Tool presets, and what a tool's name implies.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "skep/authority/capability.h"
#include "skep/base/text.h"

namespace skep::authority {
namespace {

using Tools = std::span<const std::string_view>;

// Every preset has the harmless ones: a clock, and reading again what a tool gave.
constexpr std::string_view kMinimal[] = {"file_read", "file_list", "system_time", "result_read"};
constexpr std::string_view kCoding[] = {"file_write", "create_directory", "apply_patch",
                                        "shell_exec", "process_*",        "web_fetch"};
constexpr std::string_view kResearch[] = {"file_write", "web_fetch", "web_search"};
constexpr std::string_view kMessaging[] = {"agent_send",    "agent_list",    "memory_store",
                                           "memory_recall", "memory_search", "system_time",
                                           "result_read",   "react",         "send_file"};
constexpr std::string_view kAutomation[] = {
    "file_write", "shell_exec",   "web_fetch",     "web_search",    "agent_send",
    "agent_list", "memory_store", "memory_recall", "memory_search", "cron_*"};

struct Preset {
  std::string_view name;
  bool with_minimal;
  Tools tools;
};
constexpr std::array kPresets{Preset{"minimal", true, {}}, Preset{"coding", true, kCoding},
                              Preset{"research", true, kResearch},
                              Preset{"messaging", false, kMessaging},
                              Preset{"automation", true, kAutomation}};

struct Implied {
  std::string_view tool;
  Action action;
  std::string_view pattern;
};
constexpr Implied kImplied[] = {
    {"file_read", Action::kFileRead, "*"},
    {"file_list", Action::kFileRead, "*"},
    {"send_file", Action::kFileRead, "*"},
    {"image_analyze", Action::kFileRead, "*"},
    {"file_write", Action::kFileWrite, "*"},
    {"create_directory", Action::kFileWrite, "*"},
    {"apply_patch", Action::kFileWrite, "*"},
    {"web_fetch", Action::kNetConnect, "*"},
    {"web_search", Action::kNetConnect, "*"},
    {"location_get", Action::kNetConnect, "*"},
    {"shell_exec", Action::kShellExec, "*"},
    {"process_start", Action::kShellExec, "*"},
    {"memory_store", Action::kMemoryWrite, "self.*"},
    {"memory_store", Action::kMemoryRead, "self.*"},
    {"memory_recall", Action::kMemoryRead, "self.*"},
    {"memory_search", Action::kMemoryRead, "self.*"},
    {"memory_search", Action::kMemoryRead, "shared.*"},
    {"knowledge_add_entity", Action::kMemoryWrite, "self.*"},
    {"knowledge_add_relation", Action::kMemoryWrite, "self.*"},
    {"knowledge_query", Action::kMemoryRead, "self.*"},
    {"task_post", Action::kMemoryWrite, "shared.tasks"},
    {"task_claim", Action::kMemoryWrite, "shared.tasks"},
    {"task_complete", Action::kMemoryWrite, "shared.tasks"},
    {"task_list", Action::kMemoryRead, "shared.tasks"},
    {"event_publish", Action::kAgentMessage, "event.*"},
    {"agent_send", Action::kAgentMessage, "*"},
    {"agent_list", Action::kAgentMessage, "*"},
    {"agent_spawn", Action::kAgentSpawn, ""},
    {"agent_kill", Action::kAgentKill, "*"},
    {"cron_create", Action::kSchedule, ""},
    {"cron_cancel", Action::kSchedule, ""},
};

}  // namespace

// A glob of tools has what any tool that it matches needs.
Grants Grants::of_tools(const std::vector<std::string>& tools) {
  if (std::ranges::find(tools, "*") != tools.end()) return everything();
  Grants grants;
  for (const std::string& tool : tools) {
    grants.add({Action::kToolInvoke, tool});
    for (const Implied& implied : kImplied) {
      Capability needed{implied.action, std::string(implied.pattern)};
      const bool known = std::ranges::find(grants.all_, needed) != grants.all_.end();
      if (!known && glob_match(tool, implied.tool)) grants.add(std::move(needed));
    }
  }
  return grants;
}

Result<Grants> Grants::of_profile(std::string_view profile) {
  if (profile == "full") return everything();
  const auto* preset = std::ranges::find(kPresets, profile, &Preset::name);
  if (preset == kPresets.end()) {
    return fail(Code::kInvalid,
                fmt::format("there is no profile \"{}\"; they are: minimal, coding, research, "
                            "messaging, automation, full",
                            cut_utf8(profile, 64)));
  }
  std::vector<std::string> tools;
  if (preset->with_minimal) tools.assign(std::begin(kMinimal), std::end(kMinimal));
  tools.insert(tools.end(), preset->tools.begin(), preset->tools.end());
  return of_tools(tools);
}

}  // namespace skep::authority
