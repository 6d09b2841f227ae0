// The receiving half of a node's link: each acknowledged message once, with its whole text, and its
// answer.
#pragma once

#include <functional>

#include "acks.h"
#include "skep/fabric/texts.h"

namespace skep::store {
class Journal;
}

namespace skep::fabric {

// Loop thread only.
class Intake {
 public:
  struct Deps {
    Inbox& inbox;
    Texts* texts = nullptr;             // null: words in blobs stay where they are
    store::Journal* journal = nullptr;  // remembers over a death of the process
    std::string journal_set;
    std::function<void(Message)> answer;  // ACK and NACK
  };
  explicit Intake(Deps deps) : deps_(std::move(deps)) {}

  // `wants_answer`: the envelope said `ack`; `id` is its id.
  void take(Message&& message, bool wants_answer, std::string_view id);
  // A previous process took it, and may have died before it could remember.
  void taken_before(const NodeId& sender, std::string_view id) { remember(sender, id); }

  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  void count_refused() { ++refused_; }

 private:
  struct Known {
    NodeId sender;
    std::string id;  // empty when no answer is wanted
    bool wants_answer = false;
  };
  void hand_over(Message&& message, const Known& known);
  void settle(Result<void> taken, const Known& known);
  [[nodiscard]] bool knows(const NodeId& sender, std::string_view id) const;
  void remember(const NodeId& sender, std::string_view id);

  Deps deps_;
  SeenIds seen_;
  std::uint64_t received_ = 0, refused_ = 0;
};

}  // namespace skep::fabric
