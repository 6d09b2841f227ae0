// Fetches the long texts of messages that have come: their words are in blobs (docs/fabric.md
// "Blobs").
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "skep/async/gate.h"
#include "skep/fabric/blobs.h"

namespace skep::fabric {

// Loop thread only. One sender's messages stay in their order: while a text of it is being fetched,
// what it says next waits behind. close() before it dies.
class Texts {
 public:
  static constexpr std::size_t waiting_max = 1'024;  // messages in all; one more is kExhausted
  using Then = std::function<void(Result<Message>)>;

  Texts(Loop& loop, BlobStore store) : store_(std::move(store)), gate_(loop) {}

  // Its text is in a blob, or it has to wait behind one that is.
  [[nodiscard]] bool concerns(const Message& message) const {
    return senders_.contains(message.src) || is_offloaded(message);
  }
  // A message with this id is being fetched already.
  [[nodiscard]] bool holds(const NodeId& sender, std::string_view id) const;
  // `then` gets the whole message, or why it cannot be read, later; not after close().
  Result<void> fetch(Message message, Then then);
  [[nodiscard]] const BlobStore& store() const { return store_; }
  Task<void> close() { return gate_.close(); }

 private:
  struct Waiting {
    std::string id;
    Message message;
    Then then;
  };
  Task<void> run(Ctx ctx, NodeId sender);

  BlobStore store_;
  std::size_t waiting_ = 0;
  std::unordered_map<NodeId, std::deque<Waiting>> senders_;
  Gate gate_;
};

}  // namespace skep::fabric
