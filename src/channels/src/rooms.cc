#include "rooms.h"

#include <algorithm>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/xmpp/features.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

constexpr std::string_view kNsDiscoInfo = "http://jabber.org/protocol/disco#info";

}  // namespace

std::string local_part(std::string_view name) {
  std::string local;
  for (const char c : to_lower_ascii(name)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (plain) local += c;
    if (!plain && !local.empty() && local.back() != '-') local += '-';
  }
  while (local.ends_with('-')) local.pop_back();
  return local.empty() ? "agent" : local;
}

Rooms::Rooms(Deps deps)
    : deps_(std::move(deps)),
      component_(deps_.config.link.mode == xmpp::XmppConfig::Mode::kComponent),
      outbox_({.journal = deps_.channel.journal,
               .clock = deps_.channel.xmpp.clock,
               .send = deps_.send,
               .finished = [this](const OutgoingReply&,
                                  bool sent) { ++(sent ? stats_.answered : stats_.undelivered); },
               .doubt =
                   [this](const Jid& jid) {
                     if (Room* room = find(jid)) ping(*room);
                   },
               .times = deps_.config.room_times},
              deps_.config.outbox_max),
      people_(deps_.config.flood_per_minute, deps_.config.flood_burst),
      archive_({.gate = deps_.gate,
                .clock = deps_.channel.xmpp.clock,
                .request = deps_.request,
                .file = deps_.config.room_archive_file}) {
  outbox_.restore();
  for (const RoomConfig& config : deps_.config.rooms) add(config, Jid(), false);
  load_bookmarks();
}

void Rooms::start() { deps_.gate.spawn("xmpp rooms", run(deps_.gate.ctx())); }

Room* Rooms::find(const Jid& bare) const {
  const auto found = rooms_.find(bare);
  return found == rooms_.end() ? nullptr : found->second.get();
}

Room& Rooms::add(RoomConfig config, const Jid& address, bool invited) {
  if (config.nick.empty()) config.nick = deps_.config.agent_name;
  Jid from;
  if (component_) {
    const std::string domain = deps_.config.link.address().domain();
    const std::string own = local_part(deps_.config.agent_name) + "@" + domain;
    from = (address.empty() || address.local().empty() ? Jid::parse(own).value_or(Jid())
                                                       : address.bare())
               .with_resource("skep");
  }
  const Jid jid = config.room;
  pace_.insert_or_assign(jid, FloodLimit(config.turns_per_minute, config.turns_per_minute));
  auto room = std::make_unique<Room>(std::move(config), from, invited, room_deps());
  return *(rooms_[jid] = std::move(room));
}

Room::Deps Rooms::room_deps() {
  return {.send = deps_.send,
          .times = deps_.config.room_times,
          .history_wanted =
              [this](Room& room) {
                return outbox_.has_unproven(room.jid()) ? RoomOutbox::kHistoryWanted : 0;
              },
          .came_in = [this](Room& room) { came_in(room); },
          // What we may have said may stand in the archive: then it is not said again.
          .caught_up =
              [this](Room& room) {
                if (!archive_.is_reading(room.jid())) outbox_.opened(room.jid());
              },
          .went_out = [this](Room& room) { outbox_.closed(room.jid()); },
          .ping = [this](Room& room) { ping(room); },
          .ended = [this](Room& room, const Room::Deps::End& end) { ended(room, end); }};
}

void Rooms::up() {
  for (auto& [jid, room] : rooms_) room->up();
  sweep();
  changed_.notify_all();
}

void Rooms::down() {
  for (auto& [jid, room] : rooms_) room->down();
}

Task<void> Rooms::drained(Ctx ctx) {
  const Ctx bounded = ctx.within(kLastWordsTimeout);
  while (outbox_.under_way()) {
    if (!co_await changed_.wait(bounded)) co_return;
  }
}

void Rooms::leave_all() {
  for (auto& [jid, room] : rooms_) room->leave();
}

std::optional<SteadyTime> Rooms::due() const {
  std::optional<SteadyTime> first = outbox_.due();
  for (const auto& [jid, room] : rooms_) {
    if (room->due() && (!first || *room->due() < *first)) first = room->due();
  }
  return first;
}

// Whoever changes a time rings the bell.
Task<void> Rooms::run(Ctx ctx) {
  while (!ctx.stop.stop_requested()) {
    const auto next = due();
    Ctx until = ctx;
    if (next) until.deadline = *next;
    const Result<void> rung = co_await changed_.wait(until);
    if (!rung && rung.error().code == Code::kCancelled) co_return;
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto& [jid, room] : rooms_) {
      if (room->due() && *room->due() <= now) room->on_due();
    }
    outbox_.on_due();
    sweep();
  }
}

void Rooms::sweep() {
  for (const Jid& jid : std::exchange(forgotten_, {})) {
    rooms_.erase(jid);
    pace_.erase(jid);
    noticed_.erase(jid);
  }
}

void Rooms::came_in(Room& room) {
  archive_.joined(room.jid());
  if (room.created()) {
    deps_.gate.spawn("xmpp room unlock", unlock(deps_.gate.ctx(), room.jid(), room.from()));
  } else {
    deps_.gate.spawn("xmpp room features", ask_features(deps_.gate.ctx(), room.jid(), room.from()));
  }
}

Task<void> Rooms::unlock(Ctx ctx, Jid jid, Jid from) {
  Element iq = xmpp::make_muc_accept_defaults(from, jid);
  const Ctx bounded = ctx.within(kPingTimeout);
  const auto answer = co_await deps_.request(bounded, std::move(iq));
  if (!answer)
    log::warn("xmpp", "{}: the new room may stay closed to others: {}", jid.str(),
              answer.error().to_string());
  const Room* room = find(jid);
  if (room == nullptr || !room->in()) co_return;
  room->say_in();
  co_await ask_features(std::move(ctx), std::move(jid), std::move(from));
}

// Whether the room writes stanza ids itself: those of a room that does not may be anybody's.
Task<void> Rooms::ask_features(Ctx ctx, Jid jid, Jid from) {
  Element iq = xmpp::make_iq(from, jid, "get", "");
  iq.add(Element("query", std::string(kNsDiscoInfo)));
  const Ctx bounded = ctx.within(kPingTimeout);
  const auto info = co_await deps_.request(bounded, std::move(iq));
  Room* room = find(jid);
  if (room == nullptr) co_return;
  if (info) room->believes_stanza_ids = xmpp::announces(*info, xmpp::kNsStanzaId);
  const bool has_archive = info && xmpp::announces(*info, xmpp::kNsMam);
  log::info("xmpp", "{}: its messages have {}, and are kept {}", jid.str(),
            room->believes_stanza_ids ? "ids" : "no ids",
            has_archive ? "in an archive" : "nowhere");
  co_await catch_up(std::move(ctx), std::move(jid), std::move(from), has_archive);
}

void Rooms::ping(Room& room) {
  deps_.gate.spawn("xmpp room ping",
                   self_ping(deps_.gate.ctx(), room.jid(), room.from(), room.occupant()));
}

// XEP-0410 3: any answer but "not-acceptable" says that we are in.
Task<void> Rooms::self_ping(Ctx ctx, Jid jid, Jid from, Jid occupant) {
  Element iq = xmpp::make_muc_self_ping(from, occupant);
  const Ctx bounded = ctx.within(kPingTimeout);
  const auto answer = co_await deps_.request(bounded, std::move(iq));
  Room* room = find(jid);
  if (room == nullptr) co_return;
  std::optional<bool> in = true;
  if (!answer) {
    const Code code = answer.error().code;
    const bool out = answer.error().message.contains("not-acceptable");
    const bool silent =
        code == Code::kTimeout || code == Code::kCancelled || code == Code::kUnavailable;
    if (out) in = false;
    if (!out && silent) in.reset();
  }
  if (in && *in && room->in()) outbox_.believed(jid);
  room->pinged(in);
  changed_.notify_all();
}

void Rooms::ended(Room& room, const Room::Deps::End& end) {
  outbox_.given_up(room.jid());
  const std::string name = room.jid().str();
  const bool same_service = end.alternate.domain() == room.jid().domain();
  tell_admins(fmt::format("I am no longer in the room {}: {}.", name, end.why));
  const bool follow = !end.alternate.empty() && same_service && !end.alternate.local().empty() &&
                      find(end.alternate) == nullptr && rooms_.size() < RoomConfig::kRoomsMax;
  if (follow) {
    log::info("xmpp", "{}: its people went to {}, and so do we", name, end.alternate.str());
    RoomConfig config = room.config();
    config.room = end.alternate;
    config.password = Secret(end.password);
    Room& next = add(std::move(config), room.from(), true);
    next.up();
  }
  if (room.invited()) forgotten_.push_back(room.jid());
  if (room.invited() || follow) save_bookmarks();
  changed_.notify_all();
}

void Rooms::tell_admins(const std::string& text) {
  for (const std::string& admin : deps_.admission.allow_list().administrators()) {
    const auto to = Jid::parse(admin);
    if (!to) continue;
    const Jid from = component_ ? deps_.config.link.address() : Jid();
    (void)deps_.send(make_notice({.from = from, .to = *to}, text));
  }
}

bool Rooms::take_presence(const Element& stanza) {
  const auto presence = xmpp::read_muc_presence(stanza);
  if (!presence) return false;
  Room* room = find(presence->from.bare());
  if (room == nullptr) return false;
  room->presence(*presence);
  sweep();
  changed_.notify_all();
  return true;
}

Task<bool> Rooms::take_message(Ctx ctx, const Element& stanza, const xmpp::ChatMessage& chat) {
  if (take_invite(stanza)) co_return true;
  Room* room = find(chat.from.bare());
  if (room == nullptr) {
    if (chat.type == "groupchat") ++stats_.strays;  // admission ignores it
    co_return false;
  }
  if (chat.type == "error") {
    if (!on_bounce(*room, chat)) co_return false;
  } else if (!room->in()) {
    ++stats_.strays;
  } else if (chat.type == "groupchat") {
    co_await on_groupchat(std::move(ctx), *room, stanza, chat);
  } else if (!chat.from.is_bare()) {
    co_await on_private(std::move(ctx), *room, stanza, chat);
  }
  sweep();
  changed_.notify_all();
  co_return true;
}

bool Rooms::is_for_room(const Message& message) const {
  const auto to = Jid::parse(message.reply_address.to);
  if (to && find(to->bare()) != nullptr) return true;
  const auto asked = asked_from(message.meta);
  return asked && asked->type == "groupchat";
}

Result<Room*> Rooms::room_for(const Message& message) {
  SKEP_TRY(const Jid to, Jid::parse(message.reply_address.to));
  Room* room = find(to.bare());
  if (room != nullptr && room->state() != Room::State::kStopped) return room;
  ++stats_.undelivered;
  log::warn("xmpp", "{}: the reply {} has no room any more", to.bare().str(), message.id.str());
  return nullptr;
}

Result<void> Rooms::say(OutgoingReply reply) {
  SKEP_TRY(const Room* room, room_for(reply.message));
  if (room == nullptr) return {};
  Result<void> taken = outbox_.put(std::move(reply));
  changed_.notify_all();
  return taken;
}

Result<void> Rooms::reply(Message message, const Asked& asked, Extras extras) {
  SKEP_TRY(Room * room, room_for(message));
  if (room == nullptr) return {};
  OutgoingReply out{.message = std::move(message),
                    .type = asked.type,
                    .chat_state = false,
                    .with_from = component_,
                    .styling = deps_.config.styling,
                    .extras = std::move(extras),
                    .bytes_max = deps_.config.reply_bytes_max};
  if (asked.type == "groupchat") {
    put_asked(out.message.meta, asked);
    out.quote = quote_for(*room, asked);
    return deps_.post(std::move(out));
  }
  // The agent keeps it and tries again.
  if (!room->in()) return fail(Code::kUnavailable, "we are not in " + room->jid().str());
  const Occupant* occupant = room->occupants().find_key(asked.occupant);
  if (occupant == nullptr) {
    ++stats_.undelivered;
    log::info("xmpp", "{}: who asked in private has left", room->jid().str());
    return {};
  }
  out.message.reply_address.to = room->jid().with_resource(occupant->nick).str();
  return deps_.post(std::move(out));
}

}  // namespace skep::channels
