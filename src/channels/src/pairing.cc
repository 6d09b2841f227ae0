// Messages that are not for the agent: "/pair CODE" from somebody who is not on the list, where
// everything but the right code meets silence, as any other word of theirs would; and answers to
// our questions.
#include "inbound.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::channels {
namespace {

constexpr std::string_view kCommand = "/pair ";
constexpr std::size_t kCodeBytesMax = 32;

}  // namespace

// True: it was a code from an outsider, and is dealt with.
bool Inbound::take_code(const xmpp::ChatMessage& chat) {
  identity::Access* access = deps_.channel.access;
  const std::string_view body = trim(chat.body);
  if (access == nullptr || chat.type == "groupchat" || chat.type == "headline" || chat.automatic ||
      chat.from.local().empty() || !starts_with_ignoring_ascii_case(body, kCommand) ||
      body.size() > kCommand.size() + kCodeBytesMax || deps_.admission.permits(chat.from))
    return false;
  const std::string who = chat.from.bare().str();
  const auto entry = access->redeem(trim(body.substr(kCommand.size())), who);
  if (!entry) {
    ++deps_.stats.pairings_failed;
    const bool trouble = entry.error().code != Code::kDenied;
    if (trouble)
      log::warn("xmpp", "{} tried a pairing code: {}", who, entry.error().to_string());
    else
      log::info("xmpp", "{} tried a pairing code that is none", who);
    return true;
  }
  ++deps_.stats.pairings;
  log::info("xmpp", "{} is let in by a code of {}", who, entry->by);
  acknowledge(chat);
  deps_.say(make_notice(correspondence(chat),
                        "You are paired: from now on I answer you. /help lists what I know."));
  if (deps_.paired) deps_.paired(*entry);
  return true;
}

// A yes or no to a question of ours never reaches the agent: the turn that asked waits for it.
bool Inbound::take_answer(const xmpp::ChatMessage& chat, std::string_view text,
                          const std::string& reacts_to, const std::string& seen) {
  if (!deps_.channel.approve) return false;
  const Conversation from{.channel = "xmpp",
                          .peer = chat.from.bare().str(),
                          .thread = chat.thread,
                          .entrypoint = deps_.entrypoints.of(chat.to).id};
  const auto answer = deps_.channel.approve(from, text, reacts_to);
  if (!answer) return false;
  if (!seen.empty()) {
    if (auto kept = deps_.channel.journal.remember(Admission::kSeenSet, seen); !kept)
      log::warn("xmpp", "an answer may be taken twice: {}", kept.error().to_string());
  }
  acknowledge(chat);
  deps_.say(make_notice(correspondence(chat), *answer));
  return true;
}

}  // namespace skep::channels
