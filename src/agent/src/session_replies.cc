#include "session_replies.h"

#include <charconv>

#include "developer.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::agent {
namespace {

using memory::Memory;

constexpr std::size_t kFirstBytes = 80;

std::string described(const Memory::PastSession& session) {
  const std::string first = replace_all(session.first, "\n", " ");
  const std::string_view shown = cut_utf8(first, kFirstBytes);
  const std::string when =
      session.began ? format_rfc3339(*session.began) : session.file.substr(0, 15);
  return fmt::format("{} ({}){}{}{}", when, human_size(session.bytes), first.empty() ? "" : ": ",
                     shown, shown.size() < first.size() ? "…" : "");
}

}  // namespace

std::string sessions_reply(const CommandScope& scope) {
  const auto sessions = scope.deps.memory.past_sessions(scope.conversation);
  if (sessions.empty()) return "No session has been put aside yet. /new does that.";
  std::vector<std::string> lines;
  for (const Memory::PastSession& session : sessions)
    lines.push_back(fmt::format("{}. {}", lines.size() + 1, described(session)));
  return join(lines, "\n") + "\n/resume NUMBER goes on with one.";
}

std::string resume_reply(std::string_view arguments, const CommandScope& scope) {
  const auto sessions = scope.deps.memory.past_sessions(scope.conversation);
  if (sessions.empty()) return "No session has been put aside yet.";
  std::size_t number = 0;
  const auto [end, error] =
      std::from_chars(arguments.data(), arguments.data() + arguments.size(), number);
  const bool whole = error == std::errc() && end == arguments.data() + arguments.size();
  if (!whole || number < 1 || number > sessions.size())
    return fmt::format("/resume takes a number from 1 to {}; /sessions shows them.",
                       sessions.size());
  const Memory::PastSession& wanted = sessions[number - 1];
  auto aside = scope.deps.memory.resume(scope.conversation, wanted.file);
  if (!aside) {
    log::warn("agent", "/resume: {}", aside.error().to_string());
    return "Sorry, that session could not be taken up again. My operator needs to look at it.";
  }
  std::string text = fmt::format("We go on with {}", described(wanted));
  if (aside->outcome == Memory::ArchiveOutcome::kArchived)
    text += "\nWhat we were talking about is put aside: it is number 1 of /sessions now.";
  return text;
}

std::string context_reply(std::string_view arguments, const CommandScope& scope) {
  const std::string who(trim(arguments));
  Conversation conversation = scope.conversation;
  if (!who.empty()) {
    if (!is_developer(scope.config, scope.message))
      return "Only developers ([agent] dev_command_jids) may see what I know of others.";
    conversation.peer = who;
  }
  const memory::WorkspaceTexts texts = scope.deps.memory.texts(conversation);
  const std::string_view whom = who.empty() ? std::string_view("you") : std::string_view(who);
  if (texts.profile.empty()) return fmt::format("I have no profile of {} (user.md).", whom);
  return fmt::format("What I know of {} (user.md):\n{}", whom, texts.profile);
}

}  // namespace skep::agent
