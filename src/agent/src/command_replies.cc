#include "command_replies.h"

#include <charconv>

#include "approval_replies.h"
#include "bill.h"
#include "developer.h"
#include "failure_text.h"
#include "memory_replies.h"
#include "persona_replies.h"
#include "persona_wizard.h"
#include "role_gate.h"
#include "session_replies.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/room_talk.h"
#include "tier_replies.h"

namespace skep::agent {
namespace {

using memory::Memory;
using memory::TranscriptMessage;

constexpr int kHistoryDefault = 10;
constexpr int kHistoryMax = 50;
constexpr std::size_t kHistoryLineBytesMax = 500;
constexpr std::size_t kWordShownMax = 32;

std::string counted(std::uint64_t count, std::string_view thing) {
  std::string_view plural = count == 1 ? "" : "s";
  return fmt::format("{} {}{}", count, thing, plural);
}

std::string memory_failure(std::string_view what, const Error& error) {
  std::string incident = mint_incident();
  log::warn("agent", "incident {}: {}: {}", incident, what, error.to_string());
  return fmt::format(
      "Sorry, {} failed: my memory could not be read or written. My operator needs to look at it. "
      "(incident {})",
      what, incident);
}

std::string new_session(const CommandScope& scope) {
  auto archived = scope.deps.memory.archive(scope.conversation);
  if (!archived) return memory_failure("/new", archived.error());
  switch (archived->outcome) {
    case Memory::ArchiveOutcome::kNoSession:
      return "There is no session yet: we can just start.";
    case Memory::ArchiveOutcome::kAlreadyEmpty:
      return "The session is already empty.";
    case Memory::ArchiveOutcome::kArchived:
      break;
  }
  return fmt::format("Archived {}. A new session starts now.",
                     counted(archived->messages, "message"));
}

std::string forget(const CommandScope& scope) {
  auto erased = scope.deps.memory.forget(scope.conversation);
  if (!erased) return memory_failure("/forget", erased.error());
  if (erased->empty()) return "There was nothing to erase. Archived sessions are kept.";
  return fmt::format("Erased: {}. Archived sessions are kept.", join(*erased, ", "));
}

std::string uptime(Millis up) {
  auto minutes =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::minutes>(up).count());
  if (minutes < 60) return counted(static_cast<std::uint64_t>(minutes), "minute");
  if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  return fmt::format("{} days {} h", minutes / (24 * 60), minutes / 60 % 24);
}

std::string session_lines(const CommandScope& scope) {
  auto stats = scope.deps.memory.stats(scope.conversation);
  if (!stats) return memory_failure("reading the session", stats.error());
  std::string text = fmt::format("Session: {}, {}\n", counted(stats->messages, "message"),
                                 counted(stats->archived, "archived session"));
  text += fmt::format("Memory: {}, {}, profile {}, memory.md {}", counted(stats->knowledge, "note"),
                      counted(stats->files, "file"), stats->has_profile ? "present" : "absent",
                      stats->has_memory ? "present" : "absent");
  if (!stats->workspace_files.empty())
    text += fmt::format("\nWorkspace files: {}", join(stats->workspace_files, ", "));
  return text;
}

std::string status(const CommandScope& scope) {
  const Conversation& conversation = scope.conversation;
  bool admin = scope.deps.is_admin && scope.deps.is_admin(conversation);
  std::string text =
      fmt::format("{}, up {}", scope.config.name, uptime(scope.deps.clock.now() - scope.started));
  if (scope.deps.status_lines) {
    for (const std::string& line : scope.deps.status_lines(admin)) text += '\n' + line;
  }
  std::vector<std::string> names;
  const bool sees = scope.deps.model.driver().may_take_images();
  for (const llm::ToolSpec& tool : scope.deps.toolbox.specs(sees)) names.push_back(tool.name);
  text += fmt::format("\nTools: {}\n", names.empty() ? "none" : join(names, ", "));
  text += session_lines(scope);
  if (scope.waiting_here > 0)
    text += fmt::format("\nNot answered yet here: {}", counted(scope.waiting_here, "message"));
  if (!admin) return text;
  const AgentStats& all = scope.stats;
  text += fmt::format(
      "\nAll conversations: {} running, {} waiting, {} answered, {} failed, {} refused, {} resumed",
      all.running, all.waiting, all.replied, all.failed, all.refused, all.resumed);
  text += fmt::format("\nTokens since start: {} in ({} from cache), {} out",
                      all.usage.input + all.usage.cache_read + all.usage.cache_write,
                      all.usage.cache_read, all.usage.output);
  return text;
}

bool is_admin(const CommandScope& scope) {
  return scope.deps.is_admin && scope.deps.is_admin(scope.conversation);
}

// Of an administrator's command: there is somebody who answers it.
bool is_served(const CommandInfo& info, const AgentDeps& deps) {
  const bool of_rooms = info.name == "invite" || info.name == "leave" || info.name == "rooms";
  return of_rooms ? static_cast<bool>(deps.rooms) : static_cast<bool>(deps.access);
}

std::string administer(const CommandInfo& info, const CommandScope& scope,
                       std::string_view arguments) {
  return is_of_access(info) ? scope.deps.access(scope.conversation, info.name, arguments)
                            : scope.deps.rooms(info.name, arguments);
}

// Empty: go on.
std::string refusal(const CommandInfo& info, const CommandScope& scope) {
  if (auto barred = why_barred(info, scope)) return *std::move(barred);
  if (info.name == "config" && !scope.deps.config_text) return "I know of no configuration.";
  if (info.name == "config" && !role_of(scope.deps, scope.message) && !is_admin(scope))
    return "/config is for administrators ([agent] admin_jids).";
  if (info.name == "tier" && !has_tiers(scope.deps))
    return "There is only one model here: [llm.tiers] names none.";
  if (info.name == "persona" && scope.deps.personas == nullptr)
    return "There are no personas here: this agent is what its manifest says.";
  if (info.whom == CommandInfo::For::kDeveloper && !is_developer(scope.config, scope.message))
    return fmt::format("/{} is for developers ([agent] dev_command_jids), one-to-one.", info.name);
  if (info.whom == CommandInfo::For::kManager && !scope.may_manage)
    return fmt::format("/{} is for the owners and administrators of this room.", info.name);
  if (info.whom == CommandInfo::For::kAdmin && !(is_admin(scope) && is_served(info, scope.deps)))
    return fmt::format("/{} is for administrators ([agent] admin_jids), one-to-one.", info.name);
  if (info.name == "jobs" && !scope.deps.jobs) return "Nothing runs by itself here.";
  return {};
}

std::string help_line(const CommandInfo& info) {
  std::string line = "/" + info.name;
  if (!info.arguments.empty()) line += ' ' + info.arguments;
  for (const std::string& alias : info.aliases) line += fmt::format(", /{}", alias);
  return fmt::format("{} - {}", line, info.help);
}

std::string unknown(std::string_view word) {
  std::vector<std::string> names;
  for (const CommandInfo& info : commands()) {
    names.push_back(info.name);
    names.insert(names.end(), info.aliases.begin(), info.aliases.end());
  }
  auto near = nearest(word, names);
  std::string shown(cut_utf8(word, kWordShownMax));
  if (near)
    return fmt::format("I don't know /{}. Did you mean /{}? /help lists what I know.", shown,
                       *near);
  return fmt::format("I don't know /{}. /help lists what I know.", shown);
}

std::string help(std::string_view arguments, const CommandScope& scope) {
  std::string_view wanted = arguments.starts_with('/') ? arguments.substr(1) : arguments;
  if (!wanted.empty()) {
    const CommandInfo* info = find_command(to_lower_ascii(wanted));
    return info == nullptr ? unknown(wanted) : help_line(*info);
  }
  std::string text = "I understand these commands:";
  for (const CommandInfo& info : commands()) {
    if (refusal(info, scope).empty()) text += '\n' + help_line(info);
  }
  return text +
         "\nAnything else you write is for the model. To begin a message with a slash, write two: "
         "//";
}

std::string history_line(const CommandScope& scope, const TranscriptMessage& message) {
  bool user = message.role == TranscriptMessage::Role::kUser;
  std::string when = message.ts ? format_rfc3339(*message.ts) + " " : std::string();
  std::string text = replace_all(message.content, "\n", " ");
  std::string_view kept = cut_utf8(text, kHistoryLineBytesMax);
  std::string_view who = user ? speaker_of(message.sender).value_or("you") : scope.config.name;
  return fmt::format("{}{}: {}{}", when, who, kept, kept.size() < text.size() ? "…" : "");
}

std::string history(const CommandScope& scope, std::string_view arguments) {
  int wanted = kHistoryDefault;
  if (!arguments.empty()) {
    auto [end, error] =
        std::from_chars(arguments.data(), arguments.data() + arguments.size(), wanted);
    bool number = error == std::errc() && end == arguments.data() + arguments.size();
    if (!number || wanted < 1)
      return fmt::format("/history takes a number from 1 to {}.", kHistoryMax);
  }
  wanted = std::min(wanted, kHistoryMax);
  auto entries = scope.deps.memory.history(scope.conversation);
  if (!entries) return memory_failure("/history", entries.error());
  std::vector<std::string> lines;
  for (auto entry = entries->rbegin();
       entry != entries->rend() && lines.size() < static_cast<std::size_t>(wanted); ++entry) {
    const auto* message = std::get_if<TranscriptMessage>(&*entry);
    if (message != nullptr) lines.push_back(history_line(scope, *message));
  }
  if (lines.empty()) return "This session is empty.";
  std::ranges::reverse(lines);
  return join(lines, "\n");
}

std::string cancel(const CommandScope& scope) {
  bool stopped = scope.cancel && scope.cancel();
  const bool wizard = end_wizard(scope);
  if (wizard && !stopped) return "I stop asking; nothing of it is kept.";
  if (!stopped) return "I am not working on anything in this conversation.";
  if (scope.waiting_here <= 1) return "I stop what I was working on.";
  return fmt::format("I stop what I was working on. {} behind it will be answered.",
                     counted(scope.waiting_here - 1, "message"));
}

std::string usage(const CommandScope& scope, std::string_view arguments) {
  const bool asked = equals_ignoring_ascii_case(arguments, "all");
  if (asked && !role_of(scope.deps, scope.message) && !is_admin(scope))
    return "/usage all is for administrators ([agent] admin_jids).";
  std::string why;
  const bool all = (asked || is_admin(scope)) && may_do(authority::Action::kViewUsage, scope, &why);
  if (asked && !all) return why;
  return usage_text(scope.deps, scope.config, scope.message, all);
}

std::string jobs(const CommandScope& scope, std::string_view arguments) {
  const bool only_looks = split_words(arguments).size() < 2;
  if (!only_looks && !scope.may_manage)
    return "/jobs may be changed by the owners and administrators of this room.";
  return scope.deps.jobs(scope.conversation, arguments);
}

}  // namespace

std::string answer_command(const ParsedText& command, const CommandScope& scope) {
  const CommandInfo* info = find_command(command.command);
  if (info == nullptr) return unknown(command.command);
  if (auto refused = why_refused(*info, scope)) return *std::move(refused);
  if (std::string refused = refusal(*info, scope); !refused.empty()) return refused;
  if (info->whom == CommandInfo::For::kAdmin) return administer(*info, scope, command.arguments);
  if (info->name == "new") return new_session(scope);
  if (info->name == "forget") return forget(scope);
  if (info->name == "memory") return answer_memory(command.arguments, scope);
  if (info->name == "history") return history(scope, command.arguments);
  if (info->name == "status") return status(scope);
  if (info->name == "usage") return usage(scope, command.arguments);
  if (info->name == "config") return scope.deps.config_text(command.arguments);
  if (info->name == "ping") return "pong";
  if (info->name == "sessions") return sessions_reply(scope);
  if (info->name == "resume") return resume_reply(command.arguments, scope);
  if (info->name == "retry") return "You have asked nothing yet that I could answer once more.";
  if (info->name == "context") return context_reply(command.arguments, scope);
  if (info->name == "persona") return persona_reply(command.arguments, scope);
  if (info->name == "debug") return scope.debug(command.arguments);
  if (info->name == "tier") return tier_reply(command.arguments, scope);
  if (info->name == "cancel") return cancel(scope);
  if (info->name == "jobs") return jobs(scope, command.arguments);
  if (info->name == "confirm")
    return answer_question(command.arguments, authority::Verdict::kYes, scope);
  if (info->name == "deny")
    return answer_question(command.arguments, authority::Verdict::kNo, scope);
  return help(command.arguments, scope);
}

}  // namespace skep::agent
