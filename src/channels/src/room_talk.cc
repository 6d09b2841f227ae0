// What is said in rooms: whose it is, whether it is meant for us, and its way to the agent.
#include <algorithm>

#include "rooms.h"
#include "second_thoughts.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::channels {
namespace {

using xmpp::ChatMessage;
using xmpp::Element;
using xmpp::Jid;

constexpr std::size_t kSubjectBytesMax = 1024;

bool has_words(const ChatMessage& chat) {
  return (chat.has_body && !trim(chat.body).empty()) || !chat.files.empty();
}

bool looks_like_command(std::string_view text) {
  text = trim(text);
  return text.size() > 1 && text[0] == '/' && text[1] != '/' &&
         !starts_with_ignoring_ascii_case(text, "/me ");
}

// Known again in the history of a later stay, which keeps nick, id and text.
std::string seen_key(const ChatMessage& chat) {
  if (chat.id.empty()) return {};
  const std::string text = chat.from.str() + "\nroom\n" + chat.id + "\n" + chat.body;
  return hex_encode(sha256(text).substr(0, 16));
}

}  // namespace

bool Rooms::on_bounce(Room& room, const ChatMessage& chat) {
  ++stats_.bounced;
  const bool ours = outbox_.bounced(room.jid(), chat.id, chat.error_condition);
  const bool out = chat.error_condition == "not-acceptable";
  if (out) room.not_in();
  return ours || out;
}

bool Rooms::is_own(Room& room, const ChatMessage& chat, const xmpp::MucMessage& muc) {
  if (room.has_occupant_ids() && !muc.occupant_id.empty())
    return muc.occupant_id == room.own_occupant_id();
  return chat.from.resource() == room.nick();
}

// A copy of what we said: for everybody else the reply, for us the proof that it is out.
void Rooms::remember_own(Room& room, const ChatMessage& chat, const xmpp::MucMessage& muc) {
  outbox_.shown(room.jid(), chat.id, chat.origin_id);
  for (const std::string& id : {chat.id, chat.origin_id, muc.stanza_id}) {
    if (!id.empty()) own_ids_.touch(id) = true;
  }
}

Occupant Rooms::speaker_of(const Room& room, const ChatMessage& chat,
                           const xmpp::MucMessage& muc) const {
  const std::string& nick = chat.from.resource();
  const Occupant* present = room.occupants().find(nick);
  const std::string id = room.has_occupant_ids() ? muc.occupant_id : std::string();
  // The history speaks of people who may have left, and whose nick another has now.
  const bool same = present != nullptr && (id.empty() || present->occupant_id == id);
  if (!same) return {.nick = nick, .occupant_id = id};
  Occupant speaker = *present;
  if (!room.has_occupant_ids()) speaker.occupant_id.clear();
  return speaker;
}

bool Rooms::authorised(const Room& room, const Occupant& speaker) const {
  if (!speaker.real.empty() && deps_.admission.shut_out(speaker.real)) return false;
  if (deps_.admission.has_roles())
    return deps_.admission.role_in_room(room.jid(), speaker.real) > Role::kNone;
  if (!speaker.real.empty() && deps_.admission.permits(speaker.real)) return true;
  using Members = RoomConfig::Members;
  if (room.config().members == Members::kEveryone) return true;
  if (room.config().members == Members::kNone) return false;
  return speaker.affiliation == "member" || speaker.affiliation == "admin" ||
         speaker.affiliation == "owner";
}

bool Rooms::may_manage(const Room& room, const Occupant& speaker) const {
  const std::string real = speaker.real.str();
  if (!speaker.real.empty() && deps_.admission.is_admin(speaker.real)) return true;
  return std::ranges::any_of(room.config().commanders, [&](const std::string& entry) {
    return entry == "everyone" || entry == speaker.affiliation || entry == speaker.role ||
           (!speaker.real.empty() && entry == real);
  });
}

bool Rooms::is_addressed(const Said& said) const {
  using Activation = RoomConfig::Activation;
  const RoomConfig& config = said.room.config();
  const std::string& text = said.muc.body;
  const bool replied = said.muc.reply_to_jid == said.room.occupant().str() ||
                       (!said.muc.reply_to_id.empty() &&
                        const_cast<BoundedMap<bool>&>(own_ids_).find(said.muc.reply_to_id));
  if (replied) return true;
  if (config.activation == Activation::kReply) return false;
  if (xmpp::contains_word(text, said.room.nick())) return true;
  if (looks_like_command(text)) return false;  // it may be for somebody else
  if (config.activation == Activation::kAll) return true;
  return config.activation == Activation::kKeywords &&
         std::ranges::any_of(config.keywords, [&](const std::string& keyword) {
           return xmpp::contains_word(text, keyword);
         });
}

// Our own words to everybody, seldom and marked as automatic.
void Rooms::notice(Room& room, std::string_view text) {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime& last = noticed_[room.jid()];
  if (last != SteadyTime{} && now - last < kNoticePause) return;
  last = now;
  (void)deps_.send(make_notice({.from = room.from(), .to = room.jid(), .type = "groupchat"}, text));
}

Rooms::Heard Rooms::judge(Said& said, bool addressed) {
  if (said.history || !addressed) return Heard::kNote;
  if (said.chat.automatic) return ++stats_.automatic, Heard::kNote;
  if (!authorised(said.room, said.speaker)) return ++stats_.unauthorised, Heard::kNote;
  const WallTime now = deps_.channel.xmpp.clock.now();
  if (said.chat.delay && now - *said.chat.delay > deps_.config.message_age_max) return Heard::kNote;
  if (people_.take(said.room.jid().str() + "/" + said.key, now) != FloodVerdict::kPass)
    return ++stats_.too_fast, Heard::kNote;
  const FloodVerdict pace = pace_.at(said.room.jid()).take("", now);
  if (pace == FloodVerdict::kNotice && !said.is_private) {
    notice(said.room, fmt::format("I begin at most {} answers a minute in this room. I go on "
                                  "reading and answer again in a minute.",
                                  said.room.config().turns_per_minute));
  }
  if (pace != FloodVerdict::kPass) return ++stats_.too_fast, Heard::kNote;
  if (!deps_.admission.bots().take(said.chat.from.str(), now))
    return ++stats_.automatic, Heard::kNote;
  return Heard::kAnswer;
}

Task<void> Rooms::on_groupchat(Ctx ctx, Room& room, const Element& stanza,
                               const ChatMessage& chat) {
  xmpp::MucMessage muc = xmpp::read_muc_message(stanza, chat);
  if (!room.believes_stanza_ids) muc.stanza_id.clear();
  if (!chat.delay) room.heard();
  if (muc.has_subject && !chat.has_body) {
    room.subject = cut_utf8(muc.subject, kSubjectBytesMax);
    room.history_ended();
    co_return;
  }
  if (chat.from.is_bare()) co_return;  // the room itself: "anonymity changed" and the like
  if (is_own(room, chat, muc)) {
    remember_said(room, muc,
                  {.key = {},
                   .label = {},
                   .id = chat.id,
                   .begins = std::string(cut_utf8(muc.body, Quotes::kQuoteBytesMax))});
    archive_.noted(room.jid(), muc.stanza_id);
    co_return remember_own(room, chat, muc);
  }
  const bool history = chat.delay && !room.is_caught_up();
  if (chat.delay && room.is_caught_up()) ++stats_.forged_history;
  if (!chat.delay) room.history_ended();  // a room without a subject message
  archive_.noted(room.jid(), muc.stanza_id);
  if (archive_.hold(room.jid(), stanza, history)) co_return;
  Spoken spoken{.stanza = stanza, .chat = chat, .muc = std::move(muc), .history = history};
  co_await hear(std::move(ctx), room, std::move(spoken));
}

// Somebody else's words or gesture, in the order of the conversation.
Task<void> Rooms::hear(Ctx ctx, Room& room, Spoken spoken) {
  const ChatMessage& chat = spoken.chat;
  xmpp::References about = xmpp::read_references(spoken.stanza);
  const bool gesture = !about.retracts.empty() || !about.reacts_to.empty();
  if (!has_words(chat) && !gesture) co_return;
  Said said{.room = room, .stanza = spoken.stanza, .chat = chat, .muc = std::move(spoken.muc)};
  said.history = spoken.history;
  said.seen = seen_key(chat);
  said.speaker = speaker_of(room, chat, said.muc);
  said.key = said.speaker.key();
  said.label = room.speakers().label(said.key, said.speaker.nick);
  if (!gesture) {
    remember_said(room, said.muc,
                  {.key = said.key,
                   .label = said.label,
                   .id = chat.id,
                   .begins = std::string(cut_utf8(said.muc.body, Quotes::kQuoteBytesMax))});
  }
  const store::Journal& journal = deps_.channel.journal;
  if (!said.seen.empty() && (journal.remembers(kSeenSet, said.seen) ||
                             journal.remembers(Admission::kSeenSet, said.seen))) {
    ++stats_.duplicates;
    co_return;
  }
  if (gesture) co_return co_await on_gesture(std::move(ctx), std::move(said), std::move(about));
  const Heard heard = judge(said, is_addressed(said));
  co_await hand_over(std::move(ctx), std::move(said), heard);
}

Task<void> Rooms::on_private(Ctx ctx, Room& room, const Element& stanza, const ChatMessage& chat) {
  if (!has_words(chat) || chat.type == "headline" || chat.carbon) co_return;
  Said said{.room = room, .stanza = stanza, .chat = chat, .is_private = true};
  said.muc.body = chat.body;
  said.seen = seen_key(chat);
  if (!said.seen.empty() && deps_.channel.journal.remembers(kSeenSet, said.seen)) {
    ++stats_.duplicates;
    co_return;
  }
  const Occupant* present = room.occupants().find(chat.from.resource());
  if (present == nullptr || chat.from.resource() == room.nick()) {
    ++stats_.strays;
    co_return;
  }
  said.speaker = *present;
  if (!room.has_occupant_ids()) said.speaker.occupant_id.clear();
  said.key = said.speaker.key();
  if (judge(said, true) == Heard::kAnswer)
    co_await hand_over(std::move(ctx), std::move(said), Heard::kAnswer);
}

std::string Rooms::private_peer(const Room& room, const std::string& key) const {
  return room.jid().str() + "/occupant-" + hex_encode(sha256(key).substr(0, 8));
}

void Rooms::mark_role(Message& message, const Said& said) const {
  if (deps_.admission.has_roles())
    put_role(message, deps_.admission.role_in_room(said.room.jid(), said.speaker.real));
}

Message Rooms::to_private_message(const Said& said, const Ilk& from) const {
  Message message =
      to_message(said.chat, from, deps_.channel.agent, deps_.channel.xmpp.clock.now());
  message.conversation.peer = private_peer(said.room, said.key);
  mark_role(message, said);
  message.conversation.entrypoint = deps_.config.entrypoint;
  message.reply_address.from = said.room.from().empty() ? "" : said.room.from().str();
  put_asked(message.meta, {.type = said.chat.type, .occupant = said.key});
  return message;
}

Message Rooms::to_room_message(const Said& said, Heard heard, const Ilk& from) const {
  ChatMessage chat = said.chat;
  chat.body = said.muc.body;
  if (!said.history) chat.delay.reset();  // only the history knows better than our clock
  const bool answer = heard == Heard::kAnswer;
  if (answer) {
    const auto rest = xmpp::after_address(chat.body, said.room.nick());
    if (rest && rest->starts_with('/')) chat.body = *rest;
  }
  Message message = to_message(chat, from, deps_.channel.agent, deps_.channel.xmpp.clock.now());
  message.conversation.entrypoint = deps_.config.entrypoint;
  message.conversation.thread.clear();  // one conversation, whatever threads its people use
  mark_role(message, said);
  message.reply_address = {.from = said.room.from().empty() ? "" : said.room.from().str(),
                           .to = said.room.jid().str()};
  put_room_talk(message, {.speaker = said.label,
                          .nick = said.room.nick(),
                          .subject = said.room.subject,
                          .people = said.room.occupants().size() + 1,
                          .listen = !answer,
                          .may_manage = answer && may_manage(said.room, said.speaker)});
  if (answer) {
    put_asked(message.meta, {.type = "groupchat",
                             .reply_id = said.muc.stanza_id,
                             .reply_to = said.chat.from.str(),
                             .mention = said.speaker.nick});
  }
  return message;
}

// What is only noted counts as the room's; a person becomes a party when answered.
Task<void> Rooms::hand_over(Ctx ctx, Said said, Heard heard) {
  const bool answer = heard == Heard::kAnswer;
  const Jid jid = said.room.jid();
  std::string address = answer ? private_peer(said.room, said.key) : jid.str();
  if (answer && !said.speaker.real.empty()) address = said.speaker.real.str();
  const Result<Ilk> ilk =
      co_await deps_.channel.directory.resolve(std::move(ctx), "xmpp", std::move(address));
  if (find(jid) != &said.room) co_return;  // left meanwhile
  if (!ilk) {
    log::error("xmpp", "{}: a message is not taken: {}", jid.str(), ilk.error().to_string());
    co_return;
  }
  Message message =
      said.is_private ? to_private_message(said, *ilk) : to_room_message(said, heard, *ilk);
  if (answer) put_seen(message.meta, said.seen);
  const Result<void> taken = deliver(said, std::move(message), answer);
  if (taken) {
    ++(answer ? stats_.asked : stats_.heard);
    if (answer && deps_.admission.bots().should_ask(said.chat.from.str()))
      deps_.ask_what(said.chat.from, said.room.from());
    co_return;
  }
  log::warn("xmpp", "{}: a message is refused: {}", jid.str(), taken.error().to_string());
  if (!answer) co_return;
  if (said.is_private) {
    (void)deps_.send(xmpp::stanza_error(said.stanza, "resource-constraint", "wait",
                                        "The agent has too much to do right now. Please send your "
                                        "message again in a minute."));
  } else {
    notice(said.room, "I have too much to do right now. Please ask me again in a minute.");
  }
}

Result<void> Rooms::deliver(const Said& said, Message message, bool answer) {
  const MessageId id = message.id;
  if (answer) deps_.turns.asked(message, asked_from(message.meta).value_or(Asked{}));
  Result<void> taken = deps_.channel.out.deliver(std::move(message));
  if (!taken) {
    deps_.turns.forget(id);
    return taken;
  }
  if (said.seen.empty()) return taken;
  if (auto kept = deps_.channel.journal.remember(kSeenSet, said.seen); !kept)
    log::warn("xmpp", "a message may be noted twice: {}", kept.error().to_string());
  return taken;
}

}  // namespace skep::channels
