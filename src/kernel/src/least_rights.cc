#include "least_rights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "skep/base/text.h"

namespace skep::kernel {
namespace {

using agent::Manifest;

// Tools by how their names begin, and what having one means.
struct Right {
  std::string_view tools, words;
};
constexpr std::array kRights{
    Right{"file_write", "write files in its folder"},
    Right{"apply_patch", "write files in its folder"},
    Right{"create_directory", "write files in its folder"},
    Right{"shell_exec", "run programs"},
    Right{"process_", "run programs"},
    Right{"web_", "read the web"},
    Right{"memory_store", "keep notes"},
    Right{"knowledge_add", "keep notes"},
    Right{"agent_send", "ask other agents"},
    Right{"spawn_agent", "give parts of its work to sub-agents"},
    Right{"agent_spawn", "make agents"},
    Right{"agent_kill", "end agents"},
    Right{"task_", "use the task board"},
    Right{"event_publish", "tell other agents of events"},
    Right{"cron_", "set up jobs"},
    Right{"schedule_", "set up jobs"},
    Right{"xmpp_send", "write to people who did not ask"},
    Right{"send_file", "send files"},
    Right{"delegate", "ask agents of other domains"},
};

bool any_of(const Manifest& manifest, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(*manifest.tools, [&](const std::string& tool) {
    return std::ranges::any_of(beginnings,
                               [&](std::string_view begin) { return tool.starts_with(begin); });
  });
}

}  // namespace

std::vector<std::string> too_much_in(const Manifest& manifest,
                                     const std::vector<std::string>& tools) {
  if (!manifest.tools)
    return {"[capabilities] tools: list the tools that it needs, one by one; [] for none"};
  std::vector<std::string> problems;
  for (const std::string& tool : *manifest.tools) {
    if (tool.contains('*'))
      problems.push_back(fmt::format(
          "[capabilities] tools: \"{}\" is more than it needs; name the tools one by one", tool));
    else if (std::ranges::find(tools, tool) == tools.end())
      problems.push_back(fmt::format("[capabilities] tools: there is no tool \"{}\"", tool));
  }
  return problems;
}

void take_unused_rights(Manifest& manifest) {
  if (!manifest.tools) return;
  manifest.profile.clear();  // its tools are listed
  if (!any_of(manifest, {"web_", "location_"})) manifest.network.reset();
  if (!any_of(manifest, {"shell_", "process_"})) manifest.shell.reset();
  if (!any_of(manifest, {"agent_send", "event_publish"})) manifest.agent_message.reset();
  if (!any_of(manifest, {"agent_kill"})) manifest.agent_kill.reset();
  if (!any_of(manifest, {"agent_spawn"})) manifest.agent_spawn.reset();
  if (!any_of(manifest, {"memory_", "knowledge_", "task_"})) {
    manifest.memory_read.reset();
    manifest.memory_write.reset();
  }
}

std::vector<std::string> rights_in_words(const Manifest& manifest) {
  std::vector<std::string> words;
  if (!manifest.tools) return {"use the tools of its profile"};
  for (const Right& right : kRights) {
    if (!any_of(manifest, {right.tools})) continue;
    std::string text(right.words);
    if (right.tools == "web_" && manifest.network)
      text += fmt::format(" ({})", join(*manifest.network, ", "));
    if (std::ranges::find(words, text) == words.end()) words.push_back(std::move(text));
  }
  if (manifest.wakes.mode != agent::Wakes::Mode::kReactive) words.emplace_back("act by itself");
  return words;
}

}  // namespace skep::kernel
