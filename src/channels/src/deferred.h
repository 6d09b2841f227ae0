// Messages that wait until somebody is online.
#pragma once

#include <functional>
#include <map>

#include "reply.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/store/journal.h"

namespace skep::channels {

// Accepted means journaled (kind "deferred"). What waited too long is sent all the same: the
// server keeps it for who is away. Loop thread only.
class Deferred {
 public:
  static constexpr std::size_t kItemsMax = 1000;
  static constexpr std::size_t kOnePersonMax = 20;
  static constexpr std::chrono::seconds kRetryAfter{5};  // the outbox was full
  static constexpr std::string_view kJournalKind = "deferred";

  struct Deps {
    store::Journal& journal;
    const Clock& clock;
    Gate& gate;
    std::function<Result<void>(OutgoingReply)> post;  // the outbox
    std::function<void(const OutgoingReply&, bool expired)> sent;
  };
  explicit Deferred(Deps deps) : deps_(std::move(deps)) {}

  void restore();  // once, before put()
  void start();    // looks after what waits too long
  // kExhausted when full, or for that person. Again under the same id: nothing happens.
  Result<void> put(OutgoingReply reply, WallTime until);
  void came_online(const xmpp::Jid& who);
  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  struct Item {
    OutgoingReply reply;
    WallTime until{};
    xmpp::Jid to;  // bare
  };
  static store::EntryId entry_of(const OutgoingReply& reply);
  Result<void> hand_on(Item& item, bool expired);
  Task<void> run(Ctx ctx);

  Deps deps_;
  std::map<std::string, Item> items_;  // by id, which sorts by time
  Signal changed_;
};

}  // namespace skep::channels
