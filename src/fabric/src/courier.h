// The sending half of a node's link: what goes now, what is kept until its receiver has answered,
// and what becomes of it when it cannot be delivered.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "outbox.h"
#include "skep/fabric/blobs.h"
#include "skep/fabric/envelope.h"
#include "skep/model/message.h"

namespace skep::store {
class Journal;
}

namespace skep::fabric {

struct CourierConfig {
  NodeId src;                // of every message
  std::string journal_kind;  // of the link's entries
  std::size_t queue_messages_max = 0, queue_bytes_max = 0;
  std::chrono::milliseconds kept_max{};          // as in NodeLinkConfig
  std::chrono::milliseconds missing_kept_max{};  // as in NodeLinkConfig
};

// Loop thread only.
class Courier {
 public:
  struct Deps {
    store::Journal* journal = nullptr;
    const BlobStore* blobs = nullptr;  // long texts go there
    // To the router. kUnavailable while there is none, kExhausted when its socket is full.
    std::function<Result<void>(std::string_view frame, bool system)> send;
    std::function<Result<void>(const Message& message)> send_message;  // the same, of ours
    // A message that nobody answers for was too old to be sent.
    std::function<void(const Outbox::Item& item)> too_old;
    // NodeLink::Deps::undelivered; may be empty.
    std::function<Result<void>(const Message& message, const Error& why)> undelivered;
  };
  Courier(CourierConfig config, Deps deps);

  // What a previous process kept. Once, before anything is sent.
  void restore();
  // NodeLink::deliver.
  Result<void> take(Message&& message);
  void up();    // a router took us in: everything that waits goes, in order
  void down();  // until then nothing does
  void tick();  // now and then: what was not answered in time goes again
  // ACK, NACK, UNREACHABLE or TTL_EXCEEDED came. True: it is dealt with, and the node need not hear
  // of it.
  bool answered(const Message& word);

  [[nodiscard]] std::size_t size() const { return outbox_.size(); }
  [[nodiscard]] std::size_t acknowledged() const { return outbox_.acknowledged(); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] bool is_up() const { return up_; }

 private:
  struct Failure {
    Error why;
    bool passes = false;  // may be otherwise in a while
  };
  Result<void> keep(const Message& message);
  Result<void> restore_one(const std::string& id, const std::string& frame);
  [[nodiscard]] std::string lane_of(const Message& message) const;
  [[nodiscard]] bool patient() const { return config_.missing_kept_max.count() > 0; }
  bool send(Outbox::Item& item);
  void send_if_due(Outbox::Item& item, SteadyTime now);
  void end(const std::string& id);
  bool wait_for_receiver(Outbox::Item& item, const Message& word, const Failure& failure);
  [[nodiscard]] Failure failure_of(const Message& word, const Outbox::Item& item) const;

  CourierConfig config_;
  Deps deps_;
  Outbox outbox_;
  bool up_ = false;
  std::uint64_t ups_ = 0, sent_ = 0;
  SteadyTime up_since_{};
};

// The message in a frame with its length; for what was a frame of ours before.
Result<Message> message_of_frame(std::string_view frame);

}  // namespace skep::fabric
