#include "inbound.h"

#include "skep/base/log.h"
#include "skep/xmpp/pubsub.h"

namespace skep::channels {

using xmpp::ChatMessage;
using xmpp::Element;

void Inbound::take(Element stanza, std::shared_ptr<void> hold) {
  if (stanza.name != "message" && stanza.name != "presence") return;
  if (stanza.name == "message") ++deps_.stats.received;
  if (closed_ || waiting_.size() >= kWaitingMax) return refuse_unread(stanza);
  if (!deps_.rooms.arriving(stanza)) deps_.reception.arriving(stanza);
  (void)waiting_.push({std::move(stanza), std::move(hold)});
}

void Inbound::close() {
  closed_ = true;
  waiting_.close();
}

// Full, or going away: who may talk to us is told, everybody else hears nothing.
void Inbound::refuse_unread(const Element& stanza) {
  if (stanza.name != "message") return;
  auto chat = xmpp::read_chat_message(stanza);
  // An error to a room would go to everybody, or end our stay.
  if (chat && chat->type == "groupchat") {
    ++deps_.stats.refused;
    return;
  }
  if (!chat || chat->type == "error" || !chat->has_body || !deps_.admission.allowed(chat->from))
    return;
  refuse(stanza, {Code::kExhausted, "too many messages are waiting"});
}

Task<void> Inbound::run(Ctx ctx) {
  running_ = true;
  std::size_t in_a_row = 0;
  while (auto waiting = co_await waiting_.pop(ctx)) {
    co_await handle(ctx, waiting->stanza);
    waiting->hold.reset();
    // The first replies of a burst are on their way while the rest is read.
    if (++in_a_row % kInARowMax == 0) co_await yield();
  }
  running_ = false;
  ended_.notify_all();
}

Task<void> Inbound::finished(Ctx ctx) {
  while (running_) {
    if (!co_await ended_.wait(ctx)) co_return;
  }
}

Task<void> Inbound::handle(Ctx ctx, const Element& stanza) {
  if (stanza.name == "message") {
    co_await on_message(std::move(ctx), stanza);
  } else {
    on_presence(stanza);
  }
}

void Inbound::on_presence(const Element& stanza) {
  if (deps_.rooms.take_presence(stanza)) return;
  auto from = xmpp::Jid::parse(stanza.attribute("from"));
  if (from && stanza.attribute("type") == "unavailable") deps_.peers.forget(from->str());
  deps_.presence.handle(stanza);
}

Task<void> Inbound::on_message(Ctx ctx, const Element& stanza) {
  const bool archived = co_await deps_.rooms.take_archived(ctx, stanza);
  if (archived) co_return;
  auto received = deps_.reception.read(stanza);
  if (!received) co_return;
  const bool direct = received->how == Unwrapped::How::kDirect;
  const bool for_us = direct || received->how == Unwrapped::How::kArchived;
  if (for_us && !received->ours && deps_.channel.guest &&
      co_await deps_.channel.guest->take(ctx, received->stanza)) {
    deps_.reception.done(*received);
    co_return;
  }
  if (direct && deps_.events && received->stanza.child("event", xmpp::kNsPubSubEvent)) {
    xmpp::Element event = received->stanza;
    const bool dealt_with = co_await deps_.events(ctx, std::move(event));
    if (dealt_with) co_return deps_.reception.done(*received);
  }
  const bool of_room =
      direct && co_await deps_.rooms.take_message(ctx, received->stanza, received->chat);
  if (of_room) {
    // What a room says is in the room's archive, not in ours.
  } else if (received->chat.type == "error") {
    if (received->how == Unwrapped::How::kDirect) on_error(received->chat);
  } else if (received->ours) {
    co_await on_own_words(std::move(ctx), *received);
  } else if (is_gesture(received->about)) {
    co_await on_gesture(std::move(ctx), *received);
  } else {
    co_await on_words(std::move(ctx), *received);
  }
  deps_.reception.done(*received);
}

Task<void> Inbound::on_words(Ctx ctx, Received& received) {
  ChatMessage& chat = received.chat;
  const bool archived = received.how == Unwrapped::How::kArchived;
  if (!chat.receipt_for.empty() && !archived && deps_.arrived)
    deps_.arrived(chat.receipt_for, chat.from);
  const std::string seen = Admission::seen_key(chat, received.archive_id);
  if (!archived && take_code(chat, seen)) co_return;
  std::optional<Conversation> handed_back;
  if (deps_.answers && !deps_.admission.shut_out(chat.from))
    handed_back = co_await deps_.answers(ctx, received, seen);
  // Whoever may not talk with us has been heard, and that is all.
  if (handed_back && !deps_.admission.permits(chat.from)) {
    if (!archived) acknowledge(chat);
    co_return;
  }
  const Admitted admitted = deps_.admission.judge(chat, seen, {.archived = archived});
  if (admitted == Admitted::kYes || admitted == Admitted::kContext) {
    if (handed_back) co_await note_handed_back(ctx, received, *handed_back);
    const std::string said =
        xmpp::without_fallback(received.stanza, chat.body, xmpp::kNsReply).text;
    chat.body = worded(received);
    Heard heard{received, chat, seen};
    if (admitted == Admitted::kContext) {
      heard.aside = Aside{Aside::What::kHeard, {}};
    } else if (!received.about.corrects.empty()) {
      heard.aside = Aside{Aside::What::kCorrects, received.about.corrects};
    }
    co_await hand_over(std::move(ctx), heard);
    for (const std::string& id : {chat.id, chat.origin_id, received.about.corrects})
      deps_.quotes.keep(chat.from, id, said);
  } else if (admitted == Admitted::kDuplicate) {
    if (received.how == Unwrapped::How::kDirect) acknowledge(chat);
  } else if (admitted == Admitted::kFlood) {
    deps_.say(make_notice(
        correspondence(chat),
        "You are writing faster than I can answer. Please wait half a minute; what you write "
        "until then is not read."));
  } else if (!chat.chat_state.empty() && !chat.has_body && chat.type != "groupchat") {
    deps_.peers.heard(chat);
  }
}

// RFC 6120 8.3.1: an error is never answered, or two programs would bounce it for ever.
void Inbound::on_error(const ChatMessage& chat) {
  ++deps_.stats.errors_in;
  std::string id;
  const std::string* to = nullptr;
  for (std::string& candidate : replies_of(chat.id)) {
    to = sent_.find(candidate);
    id = std::move(candidate);
    if (to != nullptr) break;
  }
  if (to == nullptr || xmpp::Jid::parse(*to).value_or(xmpp::Jid()).bare() != chat.from.bare()) {
    log::info("xmpp", "{} answered with an error: {}", chat.from.str(), chat.error_condition);
    return;
  }
  ++deps_.stats.undelivered;
  log::warn("xmpp", "the reply {} did not reach {}: {}", chat.id, *to, chat.error_condition);
  if (deps_.bounced) deps_.bounced(id);
  sent_.erase(id);  // its other parts fare alike, and it counts once
}

std::vector<std::string> Inbound::replies_of(const std::string& stanza_id) {
  std::vector<std::string> ids{stanza_id};
  const auto dash = stanza_id.rfind('-');
  const std::string_view part = std::string_view(stanza_id).substr(dash + 1);
  const bool number = dash != std::string::npos && dash > 0 && !part.empty() &&
                      part.find_first_not_of("0123456789") == std::string_view::npos;
  if (number) ids.push_back(stanza_id.substr(0, dash));
  return ids;
}

void Inbound::sent(const std::string& id, const std::string& to) { sent_.touch(id) = to; }

Correspondence Inbound::correspondence(const ChatMessage& chat) const {
  return {.from = deps_.with_from ? chat.to : xmpp::Jid(),
          .to = chat.from,
          .type = chat.type,
          .thread = chat.thread};
}

// XEP-0184 5.5: sent when the message is in good hands, of the same type, from the address it was
// written to.
void Inbound::acknowledge(const ChatMessage& chat) {
  if (chat.wants_receipt && !chat.id.empty())
    deps_.say(make_receipt(correspondence(chat), chat.id));
}

void Inbound::refuse(const Element& stanza, const Error& why) {
  ++deps_.stats.refused;
  log::warn("xmpp", "a message from {} is refused: {}", stanza.attribute("from"), why.to_string());
  const bool full = why.code == Code::kExhausted;
  const Element answer =
      full ? xmpp::stanza_error(stanza, "resource-constraint", "wait",
                                "The agent has too much to do right now. Please send your message "
                                "again in a minute.")
           : xmpp::stanza_error(
                 stanza,
                 Error{why.code, "The agent could not take your message. Please try again later."});
  deps_.say(answer);
}

// Nobody is told about what was not said to us.
void Inbound::refuse(const Received& received, const Error& why) {
  const bool told = received.how == Unwrapped::How::kDirect ||
                    (received.how == Unwrapped::How::kArchived && !received.ours);
  if (told) return refuse(received.stanza, why);
  ++deps_.stats.refused;
  log::warn("xmpp", "a copy of a message is refused: {}", why.to_string());
}

Task<void> Inbound::hand_over(Ctx ctx, Heard heard) {
  const ChatMessage& chat = heard.chat;
  const bool direct = heard.received.how == Unwrapped::How::kDirect;
  if (direct) deps_.peers.heard(chat);
  std::string address = chat.from.bare().str();
  std::optional<Ilk> ilk = deps_.channel.directory.find("xmpp", address);
  if (!ilk) {
    const Result<Ilk> resolved =
        co_await deps_.channel.directory.resolve(std::move(ctx), "xmpp", std::move(address));
    if (!resolved) co_return refuse(heard.received, resolved.error());
    ilk = *resolved;
  }
  const Result<void> delivered = deliver(heard, *ilk);
  if (!delivered) co_return refuse(heard.received, delivered.error());
  // Of a copy the receipt is the addressed device's business.
  const bool carbon = heard.received.how == Unwrapped::How::kReceivedCarbon;
  if (!carbon && !heard.received.ours) acknowledge(chat);
  const bool pace = direct && deps_.admission.bots().should_ask(chat.from.str());
  const bool client = direct && deps_.asks_features && deps_.peers.should_ask(chat.from.str());
  if (pace || client) deps_.ask_what(chat.from, correspondence(chat).from);
}

// The agent answers them knowing where else their words are.
Task<void> Inbound::note_handed_back(Ctx ctx, const Received& received, const Conversation& where) {
  ChatMessage note = received.chat;
  std::string address = note.from.bare().str();
  const auto ilk =
      co_await deps_.channel.directory.resolve(std::move(ctx), "xmpp", std::move(address));
  if (!ilk) co_return;
  note.id.clear();
  note.origin_id.clear();
  note.files.clear();
  note.body = fmt::format(
      "(What they say next was passed on to {}, for whom you had written to them.)", where.peer);
  static const std::string kNoKey;
  const auto noted = deliver({received, note, kNoKey, Aside{Aside::What::kHeard, {}}}, *ilk);
  if (!noted) log::info("xmpp", "the agent does not hear that an answer was passed on");
}

// Until the key's record is written the receiver's unfinished entry holds it, in the message's meta
// (remember_unfinished()); and that entry's next record takes it along. An aside has no entry.
Result<void> Inbound::deliver(const Heard& heard, const Ilk& from) {
  const ChatMessage& chat = heard.chat;
  const Entrypoint& at = deps_.entrypoints.of(chat.to);
  Message message = to_message(chat, from, at.agent, deps_.channel.xmpp.clock.now());
  message.conversation.entrypoint = at.id;
  deps_.admission.mark_role(message, chat.from);
  if (at.address.empty() && deps_.with_from) written_to_.touch(chat.from.bare().str()) = chat.to;
  if (!deps_.with_from) message.reply_address.from.clear();
  Result<void> taken = heard.aside ? deliver_aside(std::move(message), heard)
                                   : deliver_words(std::move(message), heard);
  if (!taken || heard.seen.empty()) return taken;
  const auto remembered =
      heard.aside ? deps_.channel.journal.remember(Admission::kSeenSet, heard.seen)
                  : deps_.channel.journal.remember_with_next(Admission::kSeenSet, heard.seen);
  if (!remembered)
    log::warn("xmpp", "a message may be answered twice: {}", remembered.error().to_string());
  return taken;
}

Result<void> Inbound::deliver_words(Message message, const Heard& heard) {
  const ChatMessage& chat = heard.chat;
  Asked asked{.type = chat.type, .parent_thread = chat.parent_thread, .foreign_id = chat.id};
  asked.markable = heard.received.stanza.child("markable", kNsMarkers) != nullptr;
  asked.reference = chat.origin_id.empty() ? chat.id : chat.origin_id;
  put_asked(message.meta, asked);
  put_seen(message.meta, heard.seen);
  const MessageId id = message.id;
  deps_.turns.asked(message, std::move(asked));  // before: the turn may begin at once
  Result<void> taken = deps_.channel.out.deliver(std::move(message));
  if (!taken) deps_.turns.forget(id);
  return taken;
}

// A correction that comes too late is said as words of its own.
Result<void> Inbound::deliver_aside(Message message, const Heard& heard) {
  const bool corrects = heard.aside->what == Aside::What::kCorrects;
  const bool retracts = heard.aside->what == Aside::What::kRetracts;
  Message aside = message;
  put_aside(aside, *heard.aside);
  Result<void> taken = deps_.channel.out.deliver(std::move(aside));
  if (retracts && !taken && taken.error().code == Code::kNotFound) {
    log::info("xmpp", "{} takes back what is being answered, or has been", heard.chat.from.str());
    return {};
  }
  if (corrects) ++deps_.stats.corrections;
  if (taken && !corrects && !retracts) ++deps_.stats.context;
  if (!corrects || taken || taken.error().code != Code::kNotFound) return taken;
  const std::string quote = deps_.quotes.find(heard.chat.from, heard.aside->about);
  std::erase_if(message.parts,
                [](const Part& part) { return std::holds_alternative<TextPart>(part); });
  message.parts.insert(message.parts.begin(), TextPart{as_correction(heard.chat.body, quote)});
  return deliver_words(std::move(message), heard);
}

}  // namespace skep::channels
