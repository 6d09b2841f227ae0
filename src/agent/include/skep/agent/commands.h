// Slash commands: answered by the agent itself, the same from every channel, never reaching a
// model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/authority/capability.h"

namespace skep::agent {

// What a person's text is.
struct ParsedText {
  bool is_command = false;
  std::string command;    // lower case, without the slash
  std::string arguments;  // the rest, trimmed
  std::string text;       // for the model when it is no command: "//x" has become "/x"
};
// A command is "/" and a letter at the very start, letters and digits to the first space, except
// "/me" (XEP-0245) and anything with a second slash in its first word (a path). "//x" escapes.
ParsedText parse_text(std::string_view text);

struct CommandInfo {
  std::string name;
  std::vector<std::string> aliases;
  std::string arguments;   // "[n]"
  std::string help;        // one line
  bool immediate = false;  // does not wait for the conversation's running turn
  // kManager: in a room only who may manage it. kAdmin: administrators, where there are rooms.
  // kDeveloper: those of [agent] dev_command_jids.
  enum class For { kEverybody, kManager, kAdmin, kDeveloper };
  For whom = For::kEverybody;
};
// In the order of /help. Every command listed works.
const std::vector<CommandInfo>& commands();
const CommandInfo* find_command(std::string_view name_or_alias);
// What it is for somebody who has a role ([[users]]); nothing: whoever is heard may.
std::optional<authority::Action> action_of(const CommandInfo& info);
// Of an administrator's command: it is about who may talk to the agent, not about rooms.
bool is_of_access(const CommandInfo& info);

}  // namespace skep::agent
