// What people in rooms say about earlier messages without words: reactions and retractions. Both
// name a message by the room's id of it (XEP-0444 4.1, XEP-0424 4).
#include "rooms.h"
#include "second_thoughts.h"
#include "skep/base/log.h"
#include "skep/model/aside.h"

namespace skep::channels {
namespace {

std::string key_of(const xmpp::Jid& room, const std::string& stanza_id) {
  return room.str() + "\n" + stanza_id;
}

}  // namespace

void Rooms::remember_said(Room& room, const xmpp::MucMessage& muc, SaidBefore said) {
  if (muc.stanza_id.empty()) return;
  room.newest = muc.stanza_id;
  said_.touch(key_of(room.jid(), muc.stanza_id)) = std::move(said);
}

// An answer right under its question needs none.
std::string Rooms::quote_for(const Room& room, const Asked& asked) {
  if (asked.reply_id.empty() || asked.reply_id == room.newest) return {};
  const SaidBefore* question = said_.find(key_of(room.jid(), asked.reply_id));
  return question == nullptr ? std::string() : question->begins;
}

Task<void> Rooms::on_gesture(Ctx ctx, Said said, xmpp::References about) {
  const bool retracts = !about.retracts.empty();
  const std::string& id = retracts ? about.retracts : about.reacts_to;
  const SaidBefore* target = said_.find(key_of(said.room.jid(), id));
  const bool theirs = target != nullptr && target->key == said.key;
  if (target == nullptr || (retracts && !theirs)) {
    ++stats_.unknown_gestures;
    co_return;
  }
  if (!retracts) {
    said.muc.body = as_reaction(about.reactions, target->begins);
    co_return co_await hand_over(std::move(ctx), std::move(said), Heard::kNote);
  }
  const std::string foreign_id = target->id;
  said.label = target->label;
  said_.erase(key_of(said.room.jid(), id));
  const xmpp::Jid jid = said.room.jid();
  const Result<Ilk> ilk =
      co_await deps_.channel.directory.resolve(std::move(ctx), "xmpp", jid.str());
  if (find(jid) != &said.room || !ilk) co_return;
  said.muc.body.clear();
  Message message = to_room_message(said, Heard::kNote, *ilk);
  put_aside(message, {Aside::What::kRetracts, foreign_id});
  const Result<void> taken = deliver(said, std::move(message), false);
  if (!taken && taken.error().code != Code::kNotFound)
    log::warn("xmpp", "{}: a retraction is not taken: {}", jid.str(), taken.error().to_string());
}

}  // namespace skep::channels
