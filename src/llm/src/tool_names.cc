#include "tool_names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "skep/base/text.h"

namespace skep::llm {
namespace {

using std::string_view;

// Both without case, hyphens and underscores.
constexpr std::array kMeant = {
    std::pair<string_view, string_view>{"read", "file_read"},
    std::pair<string_view, string_view>{"readfile", "file_read"},
    std::pair<string_view, string_view>{"fsread", "file_read"},
    std::pair<string_view, string_view>{"write", "file_write"},
    std::pair<string_view, string_view>{"writefile", "file_write"},
    std::pair<string_view, string_view>{"fswrite", "file_write"},
    std::pair<string_view, string_view>{"ls", "file_list"},
    std::pair<string_view, string_view>{"listfiles", "file_list"},
    std::pair<string_view, string_view>{"listdirectory", "file_list"},
    std::pair<string_view, string_view>{"bash", "shell_exec"},
    std::pair<string_view, string_view>{"exec", "shell_exec"},
    std::pair<string_view, string_view>{"shell", "shell_exec"},
    std::pair<string_view, string_view>{"runcommand", "shell_exec"},
    std::pair<string_view, string_view>{"execcommand", "shell_exec"},
    std::pair<string_view, string_view>{"fetchurl", "web_fetch"},
    std::pair<string_view, string_view>{"memorysave", "memory_store"},
    std::pair<string_view, string_view>{"sessionssend", "agent_send"},
    std::pair<string_view, string_view>{"sessionslist", "agent_list"},
    std::pair<string_view, string_view>{"sessionsspawn", "agent_spawn"},
    std::pair<string_view, string_view>{"mkdir", "create_directory"},
    std::pair<string_view, string_view>{"makedirectory", "create_directory"},
};

std::string plain(string_view name) {
  std::string out = to_lower_ascii(name);
  std::erase_if(out, [](char c) { return c == '_' || c == '-'; });
  return out;
}

const std::string* meant_by(const ToolSpecs& tools, string_view name) {
  const auto offered = [&](auto&& fits) -> const std::string* {
    const auto at = std::ranges::find_if(tools, fits);
    return at == tools.end() ? nullptr : &at->name;
  };
  if (const auto* same = offered([&](const ToolSpec& tool) { return tool.name == name; }))
    return same;
  const std::string wanted = plain(name);
  if (const auto* like = offered([&](const ToolSpec& tool) { return plain(tool.name) == wanted; }))
    return like;
  for (const auto& [word, tool_name] : kMeant) {
    if (word == wanted)
      return offered([&](const ToolSpec& tool) { return tool.name == tool_name; });
  }
  return nullptr;
}

}  // namespace

void rename_calls(const ToolSpecs& tools, Response& response) {
  for (Part& part : response.parts) {
    auto* call = std::get_if<ToolCall>(&part);
    if (call == nullptr) continue;
    const std::string* name = meant_by(tools, call->name);
    if (name != nullptr && *name != call->name) call->name = *name;
  }
}

}  // namespace skep::llm
