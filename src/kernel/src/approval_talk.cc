#include "approval_talk.h"

#include <algorithm>

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::kernel {
namespace {

using authority::Approval;
using authority::Approvals;
using authority::Verdict;

struct Said {
  Verdict verdict = Verdict::kNo;
  Approvals::Remember remember = Approvals::Remember::kOnce;
  std::string id;  // empty: the only question there
};

// "yes", "no k7f3"; in the languages people are likely to answer in.
std::optional<Said> read(std::string_view text) {
  constexpr std::string_view kYes[] = {"yes", "y", "ok", "ja", "oui", "si", "sí", "👍"};
  constexpr std::string_view kNo[] = {"no", "n", "nein", "non", "👎"};
  constexpr std::string_view kAlways[] = {"always", "immer", "toujours", "siempre"};
  const std::vector<std::string_view> words = split_words(text);
  if (words.empty() || words.size() > 2) return std::nullopt;
  const auto is = [&](const auto& list) {
    return std::ranges::any_of(
        list, [&](std::string_view one) { return equals_ignoring_ascii_case(words[0], one); });
  };
  Said said;
  if (is(kYes)) {
    said.verdict = Verdict::kYes;
  } else if (is(kAlways)) {
    said = {Verdict::kYes, Approvals::Remember::kAlways, {}};
  } else if (!is(kNo)) {
    return std::nullopt;
  }
  if (words.size() == 2) said.id = words[1];
  return said;
}

}  // namespace

ApprovalTalk::ApprovalTalk(Approvals& approvals, XmppSide& xmpp)
    : approvals_(approvals), xmpp_(xmpp) {
  stop_listening_ = approvals_.on_asked([this](const Approval& approval) { ask(approval); });
}

void ApprovalTalk::ask(const Approval& approval) {
  if (approval.conversation.channel != "xmpp") return;
  const auto minutes = std::max<std::int64_t>(
      1, std::chrono::round<std::chrono::minutes>(approval.expires - approval.asked).count());
  channels::Unasked question{
      .id = MessageId(mint_ulid()),
      .from = approval.conversation.entrypoint,
      .to = approval.conversation.peer,
      .text =
          fmt::format("May I {}?\n\nAnswer \"yes\", \"no\" or \"always\" within {} minutes ({}).",
                      approval.summary, minutes, approval.id),
      .thread = approval.conversation.thread,
      .choices = {{"yes " + approval.id, "Yes"},
                  {"no " + approval.id, "No"},
                  {"always " + approval.id, "Always"}}};
  const std::string id = question.id.str();
  auto posted = xmpp_.channel_of(approval.conversation).post(std::move(question));
  if (!posted) {
    log::warn("xmpp", "a question cannot be asked: {}", posted.error().to_string());
    return;
  }
  if (shown_.size() >= kShownMax) shown_.erase(shown_.begin());
  shown_[id] = approval.id;
}

std::optional<std::string> ApprovalTalk::answer(const Conversation& from, std::string_view text,
                                                std::string_view reacts_to) {
  auto said = read(text);
  if (!said) return std::nullopt;
  if (!reacts_to.empty()) {
    const auto shown = shown_.find(std::string(reacts_to));
    if (shown == shown_.end()) return std::nullopt;
    said->id = shown->second;
  }
  const auto pending = approvals_.pending();
  const bool asked_here = std::ranges::any_of(pending, [&](const Approval& one) {
    return one.conversation == from && (said->id.empty() || one.id == said->id);
  });
  if (!asked_here) return std::nullopt;  // then "yes" is a word like others
  const authority::Principal by{.id = from.peer, .admin = xmpp_.is_admin(from)};
  const auto done = approvals_.answer(said->id, from, by, said->verdict, said->remember);
  if (!done && done.error().code == Code::kConflict)
    return "There are several questions: answer with the letters behind one, like \"yes " +
           pending.front().id + "\".";
  if (!done) return fmt::format("That is not for you to say: {}.", done.error().message);
  return said->verdict == Verdict::kYes ? "Yes, then." : "No, then.";
}

}  // namespace skep::kernel
