// Acknowledged messages (docs/fabric.md "Delivery"): what a receiver has taken already, and what it
// answers.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dedupe.h"
#include "skep/model/message.h"

namespace skep::fabric {

// The last ids of each sender. Past `senders_max` the sender not heard for longest is forgotten.
// Not thread-safe.
class SeenIds {
 public:
  static constexpr std::size_t ids_max = 65'536, senders_max = 4'096;

  [[nodiscard]] bool contains(const NodeId& sender, std::string_view id) const;
  void add(const NodeId& sender, std::string_view id);

 private:
  struct Sender {
    SeenLately ids{ids_max, std::chrono::hours(24 * 365)};
    std::list<NodeId>::iterator at;
  };
  std::unordered_map<NodeId, Sender> senders_;
  std::list<NodeId> order_;  // heard lately: at the end
};

// type=system, msg=ACK to `to`; the sender's own fields are stamped where it goes out.
Message ack_of(std::string_view id, const NodeId& to);
Message nack_of(std::string_view id, const NodeId& to, const Error& why);

}  // namespace skep::fabric
