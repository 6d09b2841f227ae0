// Coming into rooms that nobody configured, remembering them, and what administrators see of rooms.
#include <algorithm>

#include "rooms.h"
#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::channels {
namespace {

using xmpp::Jid;
using xmpp::MucInvite;

constexpr std::size_t kFileBytesMax = 1u << 20;

std::string_view state_name(Room::State state) {
  switch (state) {
    case Room::State::kOut:
      return "waiting";
    case Room::State::kJoining:
      return "joining";
    case Room::State::kIn:
      return "in";
    case Room::State::kStopped:
      return "stopped";
  }
  return "";
}

std::string line_of(const Room& room) {
  std::string line = fmt::format("{}: {}", room.jid().str(), state_name(room.state()));
  if (room.in()) line += fmt::format(" as {}, {} others", room.nick(), room.occupants().size());
  if (!room.in() && !room.trouble().empty()) line += fmt::format(" ({})", room.trouble());
  if (room.turned_away() > 0)
    line += fmt::format(", {} presences over the limit of {}", room.turned_away(),
                        Occupants::kOccupantsMax);
  if (room.invited()) line += ", invited";
  return line;
}

Result<Jid> room_named(std::string_view text) {
  SKEP_TRY(const Jid jid, Jid::parse(text));
  if (jid.local().empty() || !jid.is_bare())
    return fail(Code::kInvalid, "a room is written name@service");
  return jid;
}

// A room can write any name into a mediated invitation; the inviter's own server would not let a
// foreign service speak for its people, so only services below a domain we trust are believed.
bool vouches(const Jid& room, const Jid& inviter, const std::vector<std::string>& own_domains) {
  const std::string& service = room.domain();
  const auto below = [&service](const std::string& domain) {
    return service == domain || service.ends_with("." + domain);
  };
  return below(inviter.domain()) || std::ranges::any_of(own_domains, below);
}

}  // namespace

bool Rooms::may_invite(const MucInvite& invite) {
  // Somebody in a room, who need not be who the allow list means.
  if (invite.inviter.bare() == invite.room || find(invite.inviter.bare()) != nullptr) return false;
  if (!deps_.admission.permits(invite.inviter)) return false;
  return !invite.mediated || vouches(invite.room, invite.inviter, deps_.config.allow.own_domains);
}

// XEP-0045 7.8.2, XEP-0249. Who may not invite us is told where the protocol has a way.
bool Rooms::take_invite(const xmpp::Element& stanza) {
  if (stanza.attribute("type") == "groupchat") return false;  // said to everybody
  const auto invite = xmpp::read_muc_invite(stanza);
  if (!invite) return false;
  // Many clients send the direct one beside the mediated one, or beside plain words.
  const WallTime now = deps_.channel.xmpp.clock.now();
  const Jid address = Jid::parse(stanza.attribute("to")).value_or(Jid());
  const bool known =
      find(invite->room) != nullptr && find(invite->room)->state() != Room::State::kStopped;
  if (known) return true;
  const bool calm = inviters_.take(invite->inviter.bare().str(), now) == FloodVerdict::kPass;
  if (calm && may_invite(*invite) && rooms_.size() < RoomConfig::kRoomsMax) {
    accept(*invite, address);
    return true;
  }
  ++stats_.declined;
  log::info("xmpp", "{} invited us to {}: declined", invite->inviter.str(), invite->room.str());
  if (invite->mediated && calm) {
    const Jid from = component_ ? address.bare() : Jid();
    (void)deps_.send(xmpp::make_muc_decline(
        from, *invite,
        "I come when people I know invite me directly (XEP-0249), or an administrator sends me."));
  }
  return true;
}

void Rooms::accept(const MucInvite& invite, const Jid& address) {
  log::info("xmpp", "{} invited us to {}", invite.inviter.str(), invite.room.str());
  ++stats_.invited;
  Room* known = find(invite.room);  // stopped: a ban may be over
  RoomConfig config = known != nullptr ? known->config() : RoomConfig{.room = invite.room};
  if (!invite.password.empty()) config.password = Secret(invite.password);
  const bool invited = known == nullptr || known->invited();
  Room& room = add(std::move(config), address, invited);
  save_bookmarks();
  room.up();
}

void Rooms::load_bookmarks() {
  const std::string& file = deps_.config.rooms_file;
  if (file.empty()) return;
  const auto text = store::read_file(file, kFileBytesMax);
  if (!text && text.error().code == Code::kNotFound) return;
  const auto value = text ? parse_json(*text) : Result<json::value>(fail(text.error()));
  const json::array* list = value ? get_array(*value, "rooms") : nullptr;
  if (list == nullptr) {
    log::warn("xmpp", "the list of rooms we were invited to is lost, invite the agent again: {}",
              file);
    return;
  }
  for (const json::value& entry : *list) {
    const auto jid = room_named(get_string(entry, "jid"));
    if (!jid || find(*jid) != nullptr || rooms_.size() >= RoomConfig::kRoomsMax) continue;
    RoomConfig config{.room = *jid, .nick = std::string(get_string(entry, "nick"))};
    config.password = Secret(std::string(get_string(entry, "password")));
    add(std::move(config), Jid::parse(get_string(entry, "address")).value_or(Jid()), true);
  }
}

// The file is 0600: a room's password stands in it.
void Rooms::save_bookmarks() const {
  if (deps_.config.rooms_file.empty()) return;
  json::array list;
  for (const auto& [jid, room] : rooms_) {
    if (!room->invited() || room->state() == Room::State::kStopped) continue;
    json::object entry{{"jid", jid.str()}, {"nick", room->config().nick}};
    if (!room->from().empty()) entry["address"] = room->from().bare().str();
    if (!room->config().password.empty()) entry["password"] = room->config().password.reveal();
    list.push_back(std::move(entry));
  }
  const std::string text = to_json(json::object{{"version", 1}, {"rooms", std::move(list)}});
  if (auto saved = store::write_file(deps_.config.rooms_file, text); !saved)
    log::warn("xmpp", "the list of rooms could not be written: {}", saved.error().to_string());
}

std::string Rooms::come_in(std::string_view arguments) {
  const auto words = split_words(arguments);
  if (words.empty() || words.size() > 2)
    return "Which room? /invite team@conference.example.org [password]";
  const auto jid = room_named(words[0]);
  if (!jid) return fmt::format("That is no room: {}.", jid.error().message);
  Room* known = find(*jid);
  if (known != nullptr && known->state() != Room::State::kStopped)
    return fmt::format("I know that room already. {}", line_of(*known));
  if (known == nullptr && rooms_.size() >= RoomConfig::kRoomsMax)
    return fmt::format("I am in {} rooms already, which is the limit. /leave one first.",
                       rooms_.size());
  accept({.room = *jid, .password = words.size() > 1 ? std::string(words[1]) : std::string()},
         known != nullptr ? known->from() : Jid());
  return fmt::format("I go to {}. /rooms shows what came of it.", jid->str());
}

std::string Rooms::go_out(std::string_view arguments) {
  const auto jid = room_named(trim(arguments));
  Room* room = jid ? find(*jid) : nullptr;
  if (room == nullptr) return "I am in no such room. /rooms lists them.";
  if (!room->invited())
    return fmt::format("{} is in my configuration ([[rooms]]): take it out there.", jid->str());
  outbox_.given_up(*jid);
  room->leave();
  forgotten_.push_back(*jid);
  save_bookmarks();
  return fmt::format("I have left {}.", jid->str());
}

std::string Rooms::list() const {
  if (rooms_.empty()) return "I am in no room. /invite brings me into one.";
  std::string text;
  for (const auto& [jid, room] : rooms_) text += (text.empty() ? "" : "\n") + line_of(*room);
  return text;
}

std::string Rooms::command(std::string_view command, std::string_view arguments) {
  std::string answer;
  if (command == "invite") {
    answer = come_in(arguments);
  } else if (command == "leave") {
    answer = go_out(arguments);
  } else {
    answer = list();
  }
  changed_.notify_all();
  return answer;
}

const RoomConfig* Rooms::config_of(std::string_view peer) const {
  const auto jid = Jid::parse(peer);
  const Room* room = jid ? find(jid->bare()) : nullptr;
  return room == nullptr ? nullptr : &room->config();
}

std::vector<std::string> Rooms::status_lines() const {
  if (rooms_.empty() && stats_.strays + stats_.declined == 0) return {};
  std::vector<std::string> lines;
  for (const auto& [jid, room] : rooms_) lines.push_back("Room " + line_of(*room));
  const RoomStats& s = stats_;
  lines.push_back(fmt::format(
      "Rooms: {} noted, {} asked, {} answered, {} undelivered, {} waiting, {} said twice", s.heard,
      s.asked, s.answered, s.undelivered, outbox_.size(), outbox_.repeated()));
  lines.push_back(
      fmt::format("Rooms unanswered: {} may not, {} automatic, {} too fast, {} duplicates, {} from "
                  "rooms we are not in, {} forged history, {} errors, {} invitations declined",
                  s.unauthorised, s.automatic, s.too_fast, s.duplicates, s.strays, s.forged_history,
                  s.bounced, s.declined));
  return lines;
}

json::object Rooms::status() const {
  json::array rooms;
  for (const auto& [jid, room] : rooms_) {
    rooms.push_back(json::object{{"jid", jid.str()},
                                 {"state", state_name(room->state())},
                                 {"nick", room->nick()},
                                 {"others", room->occupants().size()},
                                 {"turned_away", room->turned_away()},
                                 {"trouble", room->trouble()},
                                 {"invited", room->invited()}});
  }
  const RoomStats& s = stats_;
  json::object counters{{"heard", s.heard},
                        {"asked", s.asked},
                        {"answered", s.answered},
                        {"undelivered", s.undelivered},
                        {"strays", s.strays},
                        {"unauthorised", s.unauthorised},
                        {"automatic", s.automatic},
                        {"too_fast", s.too_fast},
                        {"duplicates", s.duplicates},
                        {"forged_history", s.forged_history},
                        {"bounced", s.bounced},
                        {"invited", s.invited},
                        {"from_archive", s.from_archive},
                        {"unknown_gestures", s.unknown_gestures},
                        {"declined", s.declined}};
  return {{"rooms", std::move(rooms)},
          {"waiting", outbox_.size()},
          {"repeated", outbox_.repeated()},
          {"counters", std::move(counters)}};
}

}  // namespace skep::channels
