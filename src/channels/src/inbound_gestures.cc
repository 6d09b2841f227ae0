// Messages that are no words to be answered: reactions, retractions, and what our own account said
// elsewhere.
#include <algorithm>

#include "inbound.h"
#include "outbox.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::channels {

using xmpp::ChatMessage;

bool Inbound::is_gesture(const xmpp::References& about) {
  return !about.retracts.empty() || !about.reacts_to.empty();
}

// What the model reads. A command stays one.
std::string Inbound::worded(const Received& received) {
  const ChatMessage& chat = received.chat;
  if (received.about.answers.empty()) return chat.body;
  const xmpp::PlainBody plain = xmpp::without_fallback(received.stanza, chat.body, xmpp::kNsReply);
  const std::string_view words = trim(plain.text);
  if (words.empty()) return chat.body;
  if (words.starts_with('/')) return std::string(words);
  std::string quote = deps_.quotes.find(chat.from, received.about.answers);
  if (quote.empty()) quote = unquoted(plain.fallback);
  return as_answer(words, quote);
}

Task<void> Inbound::on_gesture(Ctx ctx, const Received& received) {
  const bool archived = received.how == Unwrapped::How::kArchived;
  const std::string seen = Admission::seen_key(received.chat, received.archive_id);
  const Admitted admitted =
      deps_.admission.judge(received.chat, seen, {.words = false, .archived = archived});
  if (admitted != Admitted::kYes && admitted != Admitted::kContext) co_return;
  ChatMessage chat = received.chat;
  chat.files.clear();
  const xmpp::References& about = received.about;
  if (about.retracts.empty()) {
    if (answers_question(received, chat)) {
      const Heard answer{received, chat, seen};
      co_return co_await hand_over(std::move(ctx), answer);
    }
    const std::string quote = deps_.quotes.find(chat.from, about.reacts_to);
    if (quote.empty() && !is_sent_id(about.reacts_to)) {
      ++deps_.stats.unknown_reactions;
      co_return;
    }
    ++deps_.stats.reactions;
    chat.body = as_reaction(about.reactions, quote);
    const Heard heard{received, chat, seen, Aside{Aside::What::kHeard, {}}};
    co_return co_await hand_over(std::move(ctx), heard);
  }
  ++deps_.stats.retractions;
  deps_.quotes.forget(chat.from, about.retracts);
  chat.body.clear();
  const Heard heard{received, chat, seen, Aside{Aside::What::kRetracts, about.retracts}};
  co_await hand_over(std::move(ctx), heard);
}

bool Inbound::is_sent_id(const std::string& id) const {
  return !id.empty() && std::ranges::any_of(replies_of(id), [&](const std::string& reply) {
    return deps_.channel.journal.remembers(Outbox::kSentSet, reply);
  });
}

// The archive has our own replies too; those the transcript knows already.
bool Inbound::said_by_this_agent(const Received& received) const {
  for (const std::string& id : {received.chat.origin_id, received.chat.id}) {
    if (deps_.is_reply && deps_.is_reply(id)) return true;
    if (is_sent_id(id) || (deps_.is_draft && deps_.is_draft(id))) return true;
  }
  return false;
}

// A person or program that uses our account from another device: the agent should know what was
// said in its name, and must not answer itself.
Task<void> Inbound::on_own_words(Ctx ctx, const Received& received) {
  ChatMessage chat = received.chat;
  const bool words = chat.has_body && !trim(chat.body).empty() && chat.type != "groupchat" &&
                     chat.type != "headline" && !chat.to.empty();
  const std::string seen = Admission::seen_key(chat, received.archive_id);
  const bool known = said_by_this_agent(received) ||
                     (!seen.empty() && deps_.channel.journal.remembers(Admission::kSeenSet, seen));
  const bool theirs = chat.from.bare() == chat.to.bare();
  const bool allowed = deps_.admission.permits(chat.to);
  if (!words || known || theirs || !allowed || is_gesture(received.about)) {
    ++deps_.stats.ignored;
    co_return;
  }
  std::swap(chat.from, chat.to);
  const Heard heard{received, chat, seen, Aside{Aside::What::kSaid, {}}};
  co_await hand_over(std::move(ctx), heard);
}

}  // namespace skep::channels
