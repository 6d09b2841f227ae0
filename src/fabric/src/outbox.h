// What a node's link has still to send, or to hear of.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "skep/async/ctx.h"
#include "skep/base/result.h"

namespace skep::fabric {

// In the order of sending. Bounded in messages and bytes; acknowledged messages stay until they are
// settled, others until they are the socket's. Not thread-safe.
class Outbox {
 public:
  struct Item {
    std::string id;     // meta.id
    std::string frame;  // with its length
    bool acknowledged = false;
    bool system = false;
    bool reply = false;
    SteadyTime since;       // kept from when
    SteadyTime sent = {};   // last handed to a socket; the epoch: not yet
    SteadyTime again = {};  // not before: the receiver was not there
    unsigned tries = 0;     // how often that happened
    // Messages of one lane go one after the other, each when the one before is settled; empty: it
    // waits for nobody. Of acknowledged messages alone.
    std::string lane = {};
    std::uint64_t serial = 0;  // given by keep()
  };
  Outbox(std::size_t messages_max, std::size_t bytes_max)
      : messages_max_(messages_max), bytes_max_(bytes_max) {}

  // kExhausted when full, kExists when the id waits already; nothing is kept then.
  Result<Item*> keep(Item item);
  // Takes out what an answer settles; empty when it is not known (any more).
  std::optional<Item> settle(std::string_view id);
  [[nodiscard]] Item* find(std::string_view id);  // an acknowledged one; null: settled
  // Nothing of its lane is in front of it.
  [[nodiscard]] bool is_first(const Item& item) const;
  [[nodiscard]] Item* first_of(const std::string& lane);  // null: none
  // In order. `visit` returns false for what is to be taken out.
  template <class Visit>
  void each(Visit visit) {
    for (auto at = items_.begin(); at != items_.end();) {
      const auto here = at++;
      if (!visit(here->second)) erase(here);
    }
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t acknowledged() const { return by_id_.size(); }

 private:
  using Items = std::map<std::uint64_t, Item>;
  void erase(Items::iterator at);
  void leave_lane(const Item& item);

  std::size_t messages_max_, bytes_max_, bytes_ = 0;
  std::uint64_t serial_ = 0;
  Items items_;
  std::unordered_map<std::string, Items::iterator> by_id_;            // acknowledged ones
  std::unordered_map<std::string, std::deque<std::uint64_t>> lanes_;  // serials, in order
};

}  // namespace skep::fabric
