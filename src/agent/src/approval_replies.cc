#include "approval_replies.h"

#include <algorithm>

#include "agent_impl.h"
#include "principal.h"
#include "skep/base/text.h"
#include "skep/model/room_talk.h"

namespace skep::agent {
namespace {

using authority::Approval;
using authority::Approvals;
using authority::Principal;
using authority::Verdict;

constexpr std::string_view kYesWords[] = {"yes", "y", "ja", "oui", "sí", "si"};
constexpr std::string_view kNoWords[] = {"no", "n", "nein", "non"};
constexpr std::size_t kWordBytesMax = 8;

std::optional<Verdict> verdict_in(std::string_view text) {
  std::string_view word = trim(text);
  while (word.ends_with('.') || word.ends_with('!')) word.remove_suffix(1);
  if (word.size() > kWordBytesMax) return std::nullopt;
  const std::string lower = to_lower_ascii(word);
  if (std::ranges::find(kYesWords, lower) != std::end(kYesWords)) return Verdict::kYes;
  if (std::ranges::find(kNoWords, lower) != std::end(kNoWords)) return Verdict::kNo;
  return std::nullopt;
}

}  // namespace

std::string_view without_nick(std::string_view text, const Message& message) {
  const auto room = room_talk(message);
  text = trim(text);
  if (!room || room->nick.empty() || !starts_with_ignoring_ascii_case(text, room->nick))
    return text;
  const std::string_view rest = text.substr(room->nick.size());
  const bool addressed = rest.starts_with(':') || rest.starts_with(',') || rest.starts_with(' ');
  return addressed ? trim(rest.substr(1)) : text;
}

namespace {

std::vector<Approval> open_here(const AgentDeps& deps, const Conversation& conversation) {
  std::vector<Approval> open = deps.approvals.pending();
  std::erase_if(open, [&](const Approval& one) { return one.conversation != conversation; });
  return open;
}

std::string ids_of(const std::vector<Approval>& open) {
  std::vector<std::string> ids;
  for (const Approval& one : open) ids.push_back(one.id);
  return join(ids, ", ");
}

std::string why_not(const Error& error, std::string_view id, const std::vector<Approval>& open) {
  switch (error.code) {
    case Code::kNotFound:
      if (open.empty()) return "Nothing waits for an answer here.";
      return fmt::format("There is no question {} here. Open: {}.", cut_utf8(id, 32), ids_of(open));
    case Code::kConflict:
      return fmt::format("Which one do you mean? Open: {}.", ids_of(open));
    case Code::kDenied:
      return "This is for whoever asked me to answer, or an administrator.";
    default:
      return fmt::format("Your answer could not be kept: {}. Please give it again.", error.message);
  }
}

}  // namespace

std::string answer_question(std::string_view arguments, Verdict verdict,
                            const CommandScope& scope) {
  std::vector<std::string_view> words = split_words(arguments);
  auto remember = Approvals::Remember::kOnce;
  if (!words.empty() && equals_ignoring_ascii_case(words.back(), "always")) {
    remember = Approvals::Remember::kAlways;
    words.pop_back();
  }
  if (words.size() > 1) return "Say the question's id alone, or with \"always\" behind it.";
  const std::string_view id = words.empty() ? std::string_view() : words.front();
  const std::vector<Approval> open = open_here(scope.deps, scope.conversation);
  const Principal by = principal_of(scope.deps, scope.config, scope.message);
  const auto answered = scope.deps.approvals.answer(id, scope.conversation, by, verdict, remember);
  if (!answered) return why_not(answered.error(), id, open);
  const bool yes = verdict == Verdict::kYes;
  std::string text =
      fmt::format("{} {}: {}.", yes ? "Confirmed" : "Denied", answered->id, answered->summary);
  if (remember == Approvals::Remember::kAlways)
    text += yes ? " I will not ask again." : " I will not ask again, and not do it.";
  return text;
}

void take_as_answer(const AgentDeps& deps, const AgentConfig& config, Message& message) {
  const ParsedText parsed = parsed_message(message);
  if (parsed.is_command) return;
  const auto verdict = verdict_in(without_nick(parsed.text, message));
  if (!verdict) return;
  const std::vector<Approval> open = open_here(deps, message.conversation);
  if (open.size() != 1) return;
  const Principal by = principal_of(deps, config, message);
  if (by.id != open.front().question.principal.id) return;  // others talk of something else
  message.parts = {TextPart{
      fmt::format("/{} {}", *verdict == Verdict::kYes ? "confirm" : "deny", open.front().id)}};
}

std::string question_text(const Approval& approval, std::string_view why) {
  const auto left =
      std::chrono::duration_cast<std::chrono::seconds>(approval.expires - approval.asked).count();
  const std::string time = left % 60 == 0 && left >= 60
                               ? fmt::format("{} minute{}", left / 60, left == 60 ? "" : "s")
                               : fmt::format("{} seconds", left);
  return fmt::format(
      "May I {}?\nWhy I ask: {}.\nAnswer /confirm {} or /deny {} (or just yes or no) within {}; "
      "with \"always\" behind it I keep your answer.",
      approval.summary, why, approval.id, approval.id, time);
}

}  // namespace skep::agent
