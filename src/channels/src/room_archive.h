// What rooms said while we were away (XEP-0313 of the room).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/xmpp/archive.h"

namespace skep::channels {

// Keeps for each room the id of the newest message that was dealt with. From joining until the
// archive has been read from there on, what the room says now is held back, so that the transcript
// has the order of the conversation. Loop thread only.
class RoomArchive {
 public:
  static constexpr int kPagesMax = 20;                  // of 50; what is newer then stays unread
  static constexpr std::chrono::hours kAgeMax{24 * 7};  // and so does what is older
  static constexpr std::chrono::seconds kTimeout{60};   // then what was held back is heard
  static constexpr std::size_t kHeldMax = 500;          // messages; more are heard out of order
  static constexpr std::chrono::seconds kSavePause{2};

  struct Deps {
    Gate& gate;
    const Clock& clock;
    std::function<Task<Result<xmpp::Element>>(Ctx, xmpp::Element)> request;
    std::string file;  // empty: in memory only
  };
  explicit RoomArchive(Deps deps);

  struct Held {
    xmpp::Element stanza;
    bool history = false;
  };

  void joined(const xmpp::Jid& room);
  [[nodiscard]] bool is_reading(const xmpp::Jid& room) const {
    const auto found = rooms_.find(room);
    return found != rooms_.end() && found->second.reading;
  }
  // False: somebody reads already, and goes on. Ends with next() giving nothing.
  bool claim(const xmpp::Jid& room);
  // Reads everything since the place that is kept; ends when the last result has been dealt with,
  // or at the time limit. `from`: our address there. Afterwards take next() until nothing is left.
  Task<void> read(Ctx ctx, xmpp::Jid room, xmpp::Jid from);
  // What was held back, oldest first. nullopt: nothing more, and nothing is held any longer.
  std::optional<Held> next(const xmpp::Jid& room);
  // A message with that sender and id is held back: what the archive has of it comes too early.
  [[nodiscard]] bool holds(const xmpp::Jid& room, const xmpp::Element& said) const;
  // True: it is kept until next().
  bool hold(const xmpp::Jid& room, const xmpp::Element& stanza, bool history);

  // A result of one of our questions: of that room. nullopt: it is none.
  [[nodiscard]] std::optional<xmpp::Jid> room_of(const xmpp::Element& message) const;
  void arriving(const xmpp::Jid& room) { ++rooms_[room].unread; }
  void done(const xmpp::Jid& room);
  // A message with that id has been dealt with, or is held.
  void noted(const xmpp::Jid& room, const std::string& id);
  void save();

 private:
  struct Place {
    std::string id;
    WallTime at{};
  };
  struct Of {
    std::optional<Place> place;
    std::string newest;  // while `reading`: where the place will be
    std::string query;
    bool reading = false;
    bool claimed = false;
    std::size_t unread = 0;  // results in the inbound queue
    std::deque<Held> held;
  };
  Task<Result<void>> read_pages(Ctx ctx, xmpp::Jid room, xmpp::Jid from);
  void load();
  Task<void> save_later(Ctx ctx);

  Deps deps_;
  std::map<xmpp::Jid, Of> rooms_;
  Signal changed_;
  bool saving_ = false;
};

}  // namespace skep::channels
