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

// False: it was there before.
bool Inbound::remember_seen(const std::string& seen) {
  store::Journal& journal = deps_.channel.journal;
  if (seen.empty()) return true;
  if (journal.remembers(Admission::kSeenSet, seen)) return false;
  if (auto kept = journal.remember(Admission::kSeenSet, seen); !kept)
    log::warn("xmpp", "a message may be taken twice: {}", kept.error().to_string());
  return true;
}

// True: it was a code from an outsider, and is dealt with.
bool Inbound::take_code(const xmpp::ChatMessage& chat, const std::string& seen) {
  identity::Access* access = deps_.channel.access;
  const std::string_view body = trim(chat.body);
  if (access == nullptr || chat.type == "groupchat" || chat.type == "headline" || chat.automatic ||
      chat.from.local().empty() || !starts_with_ignoring_ascii_case(body, kCommand) ||
      body.size() > kCommand.size() + kCodeBytesMax || deps_.admission.permits(chat.from))
    return false;
  const std::string who = chat.from.bare().str();
  // An archive tells it again, and by then they may be let in.
  if (!remember_seen(seen)) return true;
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

// A thumb on a question of ours is what one would type.
bool Inbound::answers_question(const Received& received, xmpp::ChatMessage& chat) const {
  const xmpp::References& about = received.about;
  const std::string question = deps_.question(about.reacts_to);
  if (question.empty() || about.reactions.size() != 1) return false;
  const std::string& emoji = about.reactions.front();
  if (emoji != "👍" && emoji != "👎") return false;
  chat.body = fmt::format("/{} {}", emoji == "👍" ? "confirm" : "deny", question);
  chat.has_body = true;
  return true;
}

}  // namespace skep::channels
