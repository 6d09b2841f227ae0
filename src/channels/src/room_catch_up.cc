// Rooms after an absence: what their archives have, and then what was held back meanwhile.
#include "copies.h"
#include "rooms.h"

namespace skep::channels {

bool Rooms::arriving(const xmpp::Element& stanza) {
  const auto room = archive_.room_of(stanza);
  if (room) archive_.arriving(*room);
  return room.has_value();
}

Task<bool> Rooms::take_archived(Ctx ctx, const xmpp::Element& stanza) {
  const auto jid = archive_.room_of(stanza);
  if (!jid) co_return false;
  Room* room = find(*jid);
  auto copy = unwrap(stanza, *jid);
  auto chat = copy ? xmpp::read_chat_message(copy->stanza, deps_.config.language)
                   : Result<xmpp::ChatMessage>(fail(copy.error()));
  const bool good = room != nullptr && chat && chat->type == "groupchat" &&
                    chat->from.bare() == *jid && !chat->from.is_bare();
  if (good) {
    xmpp::MucMessage muc = xmpp::read_muc_message(copy->stanza, *chat);
    muc.stanza_id = copy->archive_id;
    archive_.noted(*jid, muc.stanza_id);
    if (is_own(*room, *chat, muc)) {
      remember_own(*room, *chat, muc);
    } else if (!archive_.holds(*jid, copy->stanza)) {
      ++stats_.from_archive;
      Spoken spoken{.stanza = copy->stanza, .chat = *chat, .muc = std::move(muc), .history = true};
      co_await hear(std::move(ctx), *room, std::move(spoken));
    }
  }
  archive_.done(*jid);
  co_return true;
}

// Then what was held back meanwhile, in its order.
Task<void> Rooms::catch_up(Ctx ctx, xmpp::Jid jid, xmpp::Jid from, bool has_archive) {
  if (!archive_.claim(jid)) co_return;
  if (has_archive) co_await archive_.read(ctx, jid, std::move(from));
  while (auto held = archive_.next(jid)) {
    Room* room = find(jid);
    const auto chat = xmpp::read_chat_message(held->stanza, deps_.config.language);
    if (room == nullptr || !chat) continue;
    xmpp::MucMessage muc = xmpp::read_muc_message(held->stanza, *chat);
    if (!room->believes_stanza_ids) muc.stanza_id.clear();
    Spoken spoken{
        .stanza = held->stanza, .chat = *chat, .muc = std::move(muc), .history = held->history};
    co_await hear(ctx, *room, std::move(spoken));
  }
  const Room* room = find(jid);
  if (room != nullptr && room->in() && room->is_caught_up()) outbox_.opened(jid);
  changed_.notify_all();
}

}  // namespace skep::channels
