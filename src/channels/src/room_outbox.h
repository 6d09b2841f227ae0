// Replies to rooms, until the room has shown them to everybody.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "reply.h"
#include "room.h"
#include "skep/store/journal.h"

namespace skep::channels {

// Accepted means journaled. A room sends everything that is said in it to everybody, to us too:
// that copy, known by its id, ends a reply's entry. One part of one reply is on its way to a room
// at a time, so that the order stays and nothing floods. What was on its way when we fell out of
// the room, or died, is looked for in the history at the next join; if it is not there it is said
// once more under its id, and never a third time. Loop thread only.
class RoomOutbox {
 public:
  static constexpr std::string_view kJournalKind = "room-out";
  static constexpr std::string_view kSentSet = "sent";  // the Outbox's: ids of replies that are out
  static constexpr std::size_t kHistoryWanted = 50;     // to find what may have been said
  static constexpr int kBouncesMax = 5;                 // "too fast", of one part

  struct Deps {
    store::Journal& journal;
    const Clock& clock;
    std::function<Result<void>(const xmpp::Element&)> send;
    std::function<void(const OutgoingReply&, bool sent)> finished;
    // No copy came for long: believed() or fell_out() must follow.
    std::function<void(const xmpp::Jid& room)> doubt;
    const RoomTimes& times;
  };
  RoomOutbox(Deps deps, std::size_t items_max) : deps_(std::move(deps)), items_max_(items_max) {}

  void restore();  // once, before put()
  // Ok: journaled, or accepted earlier. kExhausted when full.
  Result<void> put(OutgoingReply reply);
  [[nodiscard]] bool knows(const MessageId& reply) const;  // it is here, or was
  // The history of the room has ended: what is not in it is said.
  void opened(const xmpp::Jid& room);
  void closed(const xmpp::Jid& room);
  // The room keeps it nowhere for us: what waits for it cannot be said.
  void given_up(const xmpp::Jid& room);
  // A message of ours came back, live or from history; false when it is none of the waiting ones.
  bool shown(const xmpp::Jid& room, const std::string& id, const std::string& origin_id);
  // The room refused one; false when it is none of ours.
  bool bounced(const xmpp::Jid& room, const std::string& id, const std::string& condition);
  // We are in and the copy should have been here: the room changes ids.
  void believed(const xmpp::Jid& room);
  [[nodiscard]] bool has_unproven(const xmpp::Jid& room) const;
  [[nodiscard]] bool under_way() const;  // something was said and not shown yet
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }
  [[nodiscard]] std::optional<SteadyTime> due() const;
  void on_due();

 private:
  struct Item {
    store::EntryId entry;
    OutgoingReply reply;
    xmpp::Jid room;
    std::vector<xmpp::Element> stanzas;
    std::size_t shown = 0;    // parts that came back
    bool under_way = false;   // the next part was given to this stay's link
    bool maybe_said = false;  // … or to an earlier one, or an earlier process
    bool repeated = false;    // the next part was said twice
    int bounces = 0;
    std::optional<SteadyTime> due;  // of the copy, or of the next try
  };
  using Items = std::list<std::shared_ptr<Item>>;

  void restore_entry(const store::JournalEntry& entry);
  std::shared_ptr<Item> front(const xmpp::Jid& room) const;
  void pump(const xmpp::Jid& room);
  bool say(Item& item);
  void advance(const std::shared_ptr<Item>& item);
  void finish(std::shared_ptr<Item> item, bool sent);  // a copy: its owner lets go of it
  void step(const Item& item, std::string_view what);

  Deps deps_;
  std::size_t items_max_;
  std::uint64_t repeated_ = 0;
  Items items_;  // in the order of acceptance
  std::set<xmpp::Jid> open_;
};

}  // namespace skep::channels
