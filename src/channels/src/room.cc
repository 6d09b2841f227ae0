#include "room.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "skep/base/id.h"
#include "skep/base/log.h"

namespace skep::channels {
namespace {

using namespace xmpp::muc_status;
using xmpp::MucPresence;

// Somebody must change something in the room, or in our configuration, before it can work.
bool needs_people(std::string_view condition) {
  return condition == "not-authorized" || condition == "registration-required" ||
         condition == "not-allowed" || condition == "not-acceptable" ||
         condition == "item-not-found" || condition == "jid-malformed";
}

std::string explained(const std::string& condition) {
  if (condition == "not-authorized") return "the room wants a password, or another one";
  if (condition == "registration-required") return "the room is for members only";
  if (condition == "not-allowed") return "the room does not exist, and we may not create it";
  if (condition == "service-unavailable") return "the room is full, or its service is away";
  if (condition == "conflict") return "all our nicks are taken";
  if (condition == "item-not-found") return "the room is not open yet";
  return "the room refused us (" + condition + ")";
}

// Half to all of it, so that many agents do not come back at once.
Millis jittered(Millis time) {
  std::uint32_t draw = 0;
  const std::string bytes = random_bytes(sizeof draw);
  std::memcpy(&draw, bytes.data(), sizeof draw);
  return time / 2 + Millis(time.count() / 2 * (draw % 1000) / 1000);
}

}  // namespace

Room::Room(RoomConfig config, xmpp::Jid from, bool invited, Deps deps)
    : config_(std::move(config)),
      from_(std::move(from)),
      invited_(invited),
      deps_(std::move(deps)),
      nick_(config_.nick) {}

xmpp::Jid Room::occupant() const { return config_.room.with_resource(nick_); }

void Room::wait(std::chrono::milliseconds time) { due_ = std::chrono::steady_clock::now() + time; }

Millis Room::back_off(bool slowly) {
  const int doublings = std::min(failures_++, 20);
  const Millis bound =
      std::min(deps_.times.rejoin_max, deps_.times.rejoin_first * (1 << doublings));
  return jittered(slowly ? deps_.times.rejoin_slow : bound);
}

void Room::up() {
  link_up_ = true;
  failures_ = 0;
  ghost_may_end_ = true;
  if (state_ != State::kStopped) join();
}

void Room::down() {
  link_up_ = false;
  if (state_ == State::kStopped) return;
  out("the link is down", Back::kSoon);
  due_.reset();
}

void Room::join() {
  if (tries_ == 0) nick_ = config_.nick;
  const std::size_t history = std::max(config_.history_max, deps_.history_wanted(*this));
  const auto stanza = xmpp::make_muc_join({.from = from_,
                                           .room = config_.room,
                                           .nick = nick_,
                                           .password = std::string(config_.password.reveal()),
                                           .history_max = history});
  if (!stanza) return stop({.why = stanza.error().message});
  state_ = State::kJoining;
  wait(std::min(deps_.times.join_timeout, deps_.times.join_first * (1 << std::min(failures_, 8))));
  if (!deps_.send(*stanza)) out("the link does not take the join", Back::kSoon);
}

void Room::join_failed(const std::string& condition) {
  if (condition == "conflict" && ++tries_ < kNicksMax) {
    nick_ = fmt::format("{}_{}", config_.nick, tries_ + 1);
    log::info("xmpp", "{}: the nick is taken, trying {}", config_.room.str(), nick_);
    return join();
  }
  if (condition == "forbidden") return stop({.why = "we are banned from the room"});
  out(explained(condition), needs_people(condition) ? Back::kSlowly : Back::kSoon);
}

void Room::presence(const MucPresence& presence) {
  const std::string& nick = presence.from.resource();
  if (presence.type == "error") {
    if (state_ == State::kJoining && (nick.empty() || nick == nick_))
      return join_failed(presence.error_condition);
    if (state_ == State::kIn && (nick.empty() || nick == nick_))
      return out(explained(presence.error_condition), Back::kSoon);
    return;
  }
  if (nick.empty() || (state_ != State::kIn && state_ != State::kJoining)) return;
  if (!presence.type.empty() && presence.type != "unavailable") return;
  const bool own = presence.has(kSelf) || nick == nick_;
  if (!own) return other_presence(presence);
  if (presence.type == "unavailable") return own_absence(presence);
  own_presence(presence);
}

void Room::own_presence(const MucPresence& presence) {
  const bool fresh = state_ == State::kJoining;
  nick_ = presence.from.resource();
  own_id_ = presence.occupant_id;
  state_ = State::kIn;
  if (!fresh) return;
  affiliation_ = presence.affiliation;
  created_ = presence.has(kCreated);
  ++stays_;
  if (!created_) say_in();
  trouble_.clear();
  failures_ = tries_ = silent_pings_ = 0;
  caught_up_ = false;
  believes_stanza_ids = false;
  wait(deps_.times.history_timeout);
  deps_.came_in(*this);
}

void Room::say_in() const {
  log::info("xmpp", "{}: in as {} ({}, {} others) (stay {})", config_.room.str(), nick_,
            affiliation_, occupants_.size(), stays_);
}

void Room::own_absence(const MucPresence& presence) {
  if (presence.has(kNewNick) && !presence.new_nick.empty()) {
    nick_ = presence.new_nick;
    return;
  }
  if (state_ == State::kJoining) return;  // of an earlier stay
  const std::string because = presence.reason.empty() ? "" : ": " + clean_nick(presence.reason);
  if (presence.destroyed) {
    return stop({.why = "the room was destroyed" + because,
                 .alternate = presence.alternate,
                 .password = presence.alternate_password});
  }
  if (presence.has(kBanned)) return stop({.why = "we were banned" + because});
  if (presence.has(kKicked) && !presence.has(kTechnical)) {
    if (invited_ || !config_.autorejoin) return stop({.why = "we were kicked" + because});
    return out("we were kicked" + because, Back::kSoon);
  }
  if (presence.has(kAffiliationLost) || presence.has(kMembersOnly))
    return out("the room is for members only now", Back::kSlowly);
  if (presence.has(kShutdown)) return out("the room's service stopped", Back::kSoon);
  out("we are out" + because, std::exchange(ghost_may_end_, false) ? Back::kAtOnce : Back::kSoon);
}

void Room::other_presence(const MucPresence& presence) {
  const std::string& nick = presence.from.resource();
  if (presence.type == "unavailable") {
    if (presence.has(kNewNick) && !presence.new_nick.empty()) {
      Occupant renamed = occupants_.find(nick) ? *occupants_.find(nick) : Occupant{.nick = nick};
      const std::string key = renamed.key();
      renamed.nick = presence.new_nick;
      speakers_.rename(key, renamed.key());
      occupants_.rename(nick, presence.new_nick);
      return;
    }
    return occupants_.remove(nick);
  }
  const bool known = occupants_.set({.nick = nick,
                                     .affiliation = presence.affiliation,
                                     .role = presence.role,
                                     .real = presence.real,
                                     .occupant_id = presence.occupant_id});
  if (!known && turned_away_++ == 0) {
    log::warn("xmpp", "{}: more than {} occupants; further ones count as unknown",
              config_.room.str(), Occupants::kOccupantsMax);
  }
}

void Room::history_ended() {
  if (state_ != State::kIn || caught_up_) return;
  caught_up_ = true;
  wait(deps_.times.self_ping);
  deps_.caught_up(*this);
}

void Room::heard() {
  if (state_ == State::kIn && caught_up_) wait(deps_.times.self_ping);
}

void Room::on_due() {
  due_.reset();
  switch (state_) {
    case State::kOut:
      if (link_up_) join();
      break;
    case State::kJoining:
      out("the room does not answer", Back::kSoon);
      break;
    case State::kIn:
      if (!caught_up_) return history_ended();
      wait(deps_.times.self_ping);
      deps_.ping(*this);
      break;
    case State::kStopped:
      break;
  }
}

void Room::pinged(std::optional<bool> in) {
  if (state_ != State::kIn) return;
  if (in) silent_pings_ = 0;
  const bool lost = in ? !*in : ++silent_pings_ >= kSilentPingsMax;
  if (lost) out(in ? "the room no longer knows us" : "the room does not answer", Back::kSoon);
}

void Room::not_in() {
  if (state_ == State::kIn) out("the room no longer knows us", Back::kSoon);
}

void Room::out(std::string why, Back back) {
  const bool was_in = state_ == State::kIn;
  state_ = State::kOut;
  tries_ = 0;
  caught_up_ = false;
  own_id_.clear();
  occupants_.clear();
  trouble_ = std::move(why);
  const Millis pause = back == Back::kAtOnce ? Millis(0) : back_off(back == Back::kSlowly);
  if (link_up_) {
    log::info("xmpp", "{}: {}; trying again in {} s", config_.room.str(), trouble_,
              pause.count() / 1000.0);
  }
  wait(pause);
  if (was_in) deps_.went_out(*this);
}

void Room::stop(Deps::End end) {
  state_ = State::kStopped;
  due_.reset();
  occupants_.clear();
  trouble_ = end.why;
  log::warn("xmpp", "{}: {}; not trying again", config_.room.str(), trouble_);
  deps_.went_out(*this);
  deps_.ended(*this, end);
}

void Room::leave() {
  if (state_ == State::kIn || state_ == State::kJoining)
    (void)deps_.send(xmpp::make_muc_leave(from_, occupant()));
  state_ = State::kStopped;
  due_.reset();
  occupants_.clear();
  trouble_ = "left";
  deps_.went_out(*this);
}

}  // namespace skep::channels
