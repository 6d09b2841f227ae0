// Replies that the network does not have yet.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "reply.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/store/journal.h"

namespace skep::channels {

// Accepted means journaled: a reply is sent, in the order of acceptance, until its bytes are with
// the kernel, across lost links and restarts; whatever may have been seen before is sent again
// under the same ids with the time it was said. Bytes with the kernel survive the death of this
// process, so the journal ends there; they do not survive the death of the link, so a reply is kept
// in memory until the server has answered a later ping, and a link that ends before puts it back.
// On a link that acknowledges (XEP-0198) the journal ends when the server says that it has the
// reply, and nothing else is asked. What was written and not acknowledged when a process or a
// stream ended is in doubt: an account's own archive tells (settle()), and until then nothing goes
// out. Loop thread only.
class Outbox {
 public:
  using Done = std::function<void(Result<void>)>;
  using Send =
      std::function<Result<void>(const xmpp::Element&, Done, std::function<void()> written)>;

  static constexpr std::size_t kInFlightMax = 64;  // stanzas given to a link and not confirmed
  // Sent and not known to have been read: so many, for so long; the oldest are believed.
  static constexpr std::size_t kUnprovenMax = 1000;
  static constexpr std::chrono::minutes kUnprovenAgeMax{10};
  static constexpr std::chrono::milliseconds kProvePause{
      250};  // between pings; one proves all that was sent before it
  static constexpr std::chrono::seconds kProveTimeout{20};
  static constexpr std::chrono::seconds kLastProofTimeout{2};  // when closing
  static constexpr std::string_view kJournalKind = "out";
  static constexpr std::string_view kSentSet =
      "sent";  // ids of replies that are out: the agent may give one twice after a crash
  static constexpr std::chrono::seconds kDelayAfter{
      60};  // a reply that waited longer says when it was written
  static constexpr std::chrono::milliseconds kRetryAfter{
      500};  // the link was full and nothing of ours was on it

  struct Deps {
    store::Journal& journal;
    bool asks_archive = false;  // an account: settle() will be called after each up()
    const Clock& clock;
    Gate& gate;  // closes before the Outbox dies
    // Ends with the server's answer to a ping, whatever it says: everything sent before has been
    // read.
    std::function<Task<Result<void>>(Ctx)> ping;
    // The whole reply is out; or it cannot be sent at all.
    std::function<void(const OutgoingReply&, bool sent)> finished;
  };
  Outbox(Deps deps, std::size_t items_max);

  // Queues what a previous process left. Once, before put().
  void restore();
  // Ok: journaled, or accepted earlier. kExhausted when full, kInvalid on an address that is none.
  Result<void> put(OutgoingReply reply);
  [[nodiscard]] bool knows(const MessageId& reply) const;  // it is here, or was
  // A session is there: everything that waits is sent. `acknowledged`: Done comes when the server
  // has it, not when the kernel does.
  void up(Send send, bool acknowledged = false);
  void down();
  // In our archive there is a message with this id. True when it is a part of a reply that is
  // here: then it has arrived.
  bool arrived(const std::string& stanza_id);
  // The archive has told all it knows of; false: there is none, and the kernel is believed.
  void settle(bool archived);
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  // Until nothing waits and the server has read it all, the link is down or the Ctx ends. What is
  // not sure then is in the journal.
  Task<void> drained(Ctx ctx);

 private:
  struct Item {
    store::EntryId entry;
    OutgoingReply reply;
    std::vector<xmpp::Element> stanzas;
    std::size_t offered = 0;     // given to the present link
    std::size_t confirmed = 0;   // and taken by the kernel
    std::uint64_t sequence = 0;  // of its end, for the proof
    WallTime sent_at{};
    std::size_t noted = 0;     // parts that the journal knows to be with a kernel
    bool in_doubt = false;     // more may have arrived than is confirmed
    std::size_t believed = 0;  // of a doubtful one, when there is no archive
    std::size_t found = 0;     // and in the archive
    bool finished = false;     // out of the journal
    bool told = false;         // the owner knows
    bool maybe_seen = false;   // was on its way when a link or a process ended
  };
  using Items = std::list<std::shared_ptr<Item>>;

  void restore_entry(const store::JournalEntry& entry);
  void pump();
  void pump_once();
  bool offer(const std::shared_ptr<Item>& item);
  std::optional<xmpp::Element> delayed(const Item& item) const;
  void on_done(std::uint64_t generation, const std::shared_ptr<Item>& item,
               const Result<void>& result);
  void on_written(const std::shared_ptr<Item>& item, std::size_t part);
  void doubt(Item& item, std::size_t believed);
  [[nodiscard]] bool is_archived(const OutgoingReply& reply) const;
  [[nodiscard]] bool doubts() const;
  void finish(const std::shared_ptr<Item>& item, bool sent);
  void believe_oldest();
  void prove_later();
  Task<void> prove_all(Ctx ctx);
  Task<bool> prove_once(Ctx ctx);
  void put_back_unproven();
  void retry_later();
  Task<void> retry(Ctx ctx);

  Deps deps_;
  std::size_t items_max_;
  Items items_;                   // in the order of acceptance
  Send send_;                     // empty while down
  bool acknowledged_ = false;     // what is confirmed is with the server
  std::uint64_t generation_ = 0;  // of the link: confirmations of an older one do not count
  std::size_t in_flight_ = 0;
  Items unproven_;  // in the order they were sent
  std::uint64_t sequence_ = 0;
  bool proving_ = false;
  bool retrying_ = false;
  bool pumping_ = false;
  bool pump_again_ = false;
  Signal changed_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // a session may outlive us by a callback
};

}  // namespace skep::channels
