#include "skep/agent/commands.h"

#include <algorithm>

#include "skep/base/text.h"

namespace skep::agent {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word_char(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

// The first word without its slash; empty when it is no command's.
std::string_view command_word(std::string_view text) {
  if (text.size() < 2 || text[0] != '/' || !is_letter(text[1])) return {};
  std::string_view word = text.substr(1, text.find_first_of(" \t\r\n") - 1);
  return std::ranges::all_of(word, is_word_char) ? word : std::string_view();
}

}  // namespace

ParsedText parse_text(std::string_view text) {
  ParsedText parsed;
  std::string_view word = command_word(text);
  if (word.empty() || equals_ignoring_ascii_case(word, "me")) {
    parsed.text = text.starts_with("//") ? text.substr(1) : text;
    return parsed;
  }
  parsed.is_command = true;
  parsed.command = to_lower_ascii(word);
  parsed.arguments = trim(text.substr(1 + word.size()));
  return parsed;
}

const std::vector<CommandInfo>& commands() {
  using For = CommandInfo::For;
  static const std::vector<CommandInfo> kCommands = {
      {"new",
       {"reset"},
       "",
       "put this conversation aside and start an empty one",
       false,
       For::kManager},
      {"forget",
       {},
       "",
       "erase this conversation and what I noted about you; archives stay",
       false,
       For::kManager},
      {"memory", {}, "[list [words]|del key]", "what I noted about you; delete a note", false},
      {"history", {}, "[n]", "show the last n messages (10 when n is left out)", false},
      {"sessions", {}, "", "the sessions that were put aside", false},
      {"resume", {}, "number", "go on with one of /sessions", false, For::kManager},
      {"retry", {}, "", "answer my last question once more", false},
      {"context", {}, "", "what I know of you", false},
      {"persona",
       {},
       "[name|list|reset|create|edit|delete|export|import] [name]",
       "who I am here: put one on, look at them, make one",
       false},
      {"status", {}, "", "what I am, how I am doing, what I keep of this conversation", true},
      {"usage",
       {},
       "[all]",
       "what your questions have cost, and what they may; all: everybody's, for administrators",
       true},
      {"config", {}, "[section]", "how I am set up, without what is secret", true},
      {"ping", {}, "", "answer at once", true},
      {"cancel", {"stop"}, "", "stop what I am working on in this conversation", true},
      {"jobs", {}, "[pause|resume|run|cancel] [id]", "what I do by myself at certain times", true},
      {"tier", {}, "[name|reset]", "which model answers here, and which there are", false},
      {"confirm",
       {},
       "[id] [always]",
       "let me do what I asked you about; always: and do not ask again",
       true},
      {"deny", {}, "[id] [always]", "do not let me do it", true},
      {"invite",
       {},
       "room [password]",
       "come into a room, and again after a restart",
       true,
       For::kAdmin},
      {"leave", {}, "room", "leave a room I was invited to", true, For::kAdmin},
      {"rooms", {}, "", "the rooms I am in, or want to be in", true, For::kAdmin},
      {"allow",
       {},
       "[address]",
       "let somebody talk to me, or @domain for everybody there; without: whom I let in",
       true,
       For::kAdmin},
      {"block",
       {},
       "[address]",
       "hear somebody no more, or @domain for everybody there; without: whom I do not hear",
       true,
       For::kAdmin},
      {"pair",
       {},
       "generate|revoke [minutes] [people] [address]",
       "a code that lets somebody in who sends it to me as \"/pair CODE\"",
       true,
       For::kAdmin},
      {"contacts",
       {},
       "[list|forget] [address] [person]",
       "whom I was let write to by whom; forget: ask again before I write there",
       true,
       For::kAdmin},
      {"reload",
       {},
       "",
       "read the configuration again: what may change while I run, does",
       true,
       For::kAdmin},
      {"debug",
       {},
       "[on|off|raw [how many]]",
       "show with each answer what was done for it, for half an hour; raw: what the model was sent",
       true,
       For::kDeveloper},
      {"help", {}, "[command]", "this list, or more about one command", true},
  };
  return kCommands;
}

const CommandInfo* find_command(std::string_view name_or_alias) {
  for (const CommandInfo& info : commands()) {
    if (info.name == name_or_alias ||
        std::ranges::find(info.aliases, name_or_alias) != info.aliases.end())
      return &info;
  }
  return nullptr;
}

std::optional<authority::Action> action_of(const CommandInfo& info) {
  using authority::Action;
  if (info.name == "help" || info.name == "ping" || info.name == "status") return std::nullopt;
  if (info.name == "config") return Action::kViewConfig;
  if (info.name == "reload") return Action::kChangeConfig;
  if (is_of_access(info)) return Action::kManageUsers;
  return info.whom == CommandInfo::For::kAdmin ? Action::kManageAgents : Action::kChat;
}

bool is_of_access(const CommandInfo& info) {
  return info.name == "allow" || info.name == "block" || info.name == "pair" ||
         info.name == "reload" || info.name == "contacts";
}

}  // namespace skep::agent
