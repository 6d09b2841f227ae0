// One room: coming in, staying in, and who else is there.
#pragma once

#include <functional>
#include <optional>

#include "occupants.h"
#include "skep/base/clock.h"
#include "skep/channels/rooms_config.h"

namespace skep::channels {

using SteadyTime = std::chrono::steady_clock::time_point;

// Decides and says; whoever owns it keeps the time (due, on_due). Loop thread only.
class Room {
 public:
  enum class State {
    kOut,      // wants in, at due()
    kJoining,  // asked
    kIn,
    kStopped,  // banned, destroyed, left: does not try again
  };
  static constexpr int kNicksMax = 5;        // "Helper", "Helper_2", … before waiting
  static constexpr int kSilentPingsMax = 2;  // self-pings without any answer: we are out

  struct Deps {
    std::function<Result<void>(const xmpp::Element&)> send;
    const RoomTimes& times;
    std::function<std::size_t(Room&)> history_wanted;  // more than the configuration's
    std::function<void(Room&)> came_in;
    std::function<void(Room&)> caught_up;  // the history has ended
    std::function<void(Room&)> went_out;
    std::function<void(Room&)> ping;  // asks pinged() to be called
    // For good: what happened, and where the room's people went (empty: nowhere).
    struct End {
      std::string why;
      xmpp::Jid alternate;
      std::string password;
    };
    std::function<void(Room&, const End&)> ended;
  };
  // `from`: our own full address; empty in client mode. An invited room is forgotten after a kick.
  Room(RoomConfig config, xmpp::Jid from, bool invited, Deps deps);

  void up();
  void down();
  void leave();  // says so; kStopped
  // From the room's address or one of its occupants'.
  void presence(const xmpp::MucPresence& presence);
  // What the self-ping came to: kIn, kOut, nothing when nobody answered.
  void pinged(std::optional<bool> in);
  void not_in();  // the room said so to a message
  void heard();   // a live message from the room: no need to ask whether we are in
  void history_ended();
  [[nodiscard]] std::optional<SteadyTime> due() const { return due_; }
  void on_due();

  [[nodiscard]] const RoomConfig& config() const { return config_; }
  [[nodiscard]] const xmpp::Jid& jid() const { return config_.room; }
  [[nodiscard]] const xmpp::Jid& from() const { return from_; }
  [[nodiscard]] bool invited() const { return invited_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool in() const { return state_ == State::kIn; }
  [[nodiscard]] bool is_caught_up() const { return caught_up_; }
  [[nodiscard]] const std::string& nick() const { return nick_; }  // as the room calls us
  [[nodiscard]] xmpp::Jid occupant() const;                        // room/nick
  [[nodiscard]] const Occupants& occupants() const { return occupants_; }
  [[nodiscard]] Speakers& speakers() { return speakers_; }
  // Occupant ids of this room are its own work: it gave us one unasked (XEP-0421).
  [[nodiscard]] bool has_occupant_ids() const { return !own_id_.empty(); }
  [[nodiscard]] const std::string& own_occupant_id() const { return own_id_; }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  [[nodiscard]] std::uint64_t turned_away() const { return turned_away_; }  // table full

  // By our coming: it is locked until its settings are accepted (XEP-0045 10.1.2), and whoever
  // comes before that is sent away. Then say_in().
  [[nodiscard]] bool created() const { return created_; }
  void say_in() const;  // in the log

  std::string subject;
  bool believes_stanza_ids = false;  // it announces XEP-0359
  std::string newest;                // the room's id of what was said last

 private:
  void join();
  void join_failed(const std::string& condition);
  void own_presence(const xmpp::MucPresence& presence);
  void own_absence(const xmpp::MucPresence& presence);
  void other_presence(const xmpp::MucPresence& presence);
  enum class Back { kAtOnce, kSoon, kSlowly };
  void out(std::string why, Back back);
  void stop(Deps::End end);
  void wait(std::chrono::milliseconds time);
  std::chrono::milliseconds back_off(bool slowly);

  const RoomConfig config_;
  const xmpp::Jid from_;
  const bool invited_;
  Deps deps_;
  State state_ = State::kOut;
  bool link_up_ = false;
  bool caught_up_ = false;
  // Once after each login: the room may put us out when it hears of the end of the session that
  // ours has replaced. Then we are back at once.
  bool ghost_may_end_ = false;
  int tries_ = 0;  // of nicks
  int failures_ = 0;
  int stays_ = 0;
  std::string affiliation_;  // ours, when we came in
  bool created_ = false;
  int silent_pings_ = 0;
  std::string nick_;
  std::string own_id_;
  std::string trouble_;
  std::uint64_t turned_away_ = 0;
  std::optional<SteadyTime> due_;
  Occupants occupants_;
  Speakers speakers_;
};

}  // namespace skep::channels
