// Answers that are too long to read as messages: their beginning, and the whole as a file.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "reply.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/store/journal.h"

namespace skep::channels {

// Stands in front of the outboxes. What is short goes through at once, unless something long for
// the same people is on its way: their order stays. Accepted means journaled (kind "long-reply");
// an upload that was done is noted, so that a death does not repeat it, and the outboxes know an
// id that they have had. Where the upload fails the answer goes in parts and says so. Loop thread
// only.
class LongReplies {
 public:
  static constexpr std::string_view kJournalKind = "long-reply";
  static constexpr std::size_t kLeadBytesMax = 1024;  // of the beginning that is said
  static constexpr std::size_t kLeadBytesMin = 40;    // a shorter paragraph takes the next along
  static constexpr int kTriesMax = 3;                 // of an upload that a lost link cut off
  static constexpr std::chrono::seconds kUploadTimeout{60};
  static constexpr std::chrono::seconds kRetryAfter{1};  // the outbox is full

  struct Deps {
    store::Journal& journal;
    const Clock& clock;
    Gate& gate;
    XmppChannelStats& stats;
    // As Uploads::put.
    std::function<Task<Result<xmpp::SharedFile>>(Ctx, xmpp::SharedFile, std::string bytes)> upload;
    std::function<Result<void>(OutgoingReply)> post;  // the outbox that it belongs to
    // One of the outboxes has it, or had it.
    std::function<bool(const MessageId&)> is_posted;
    LongReplyConfig config;
    std::size_t items_max = 10'000;
  };
  explicit LongReplies(Deps deps) : deps_(std::move(deps)) {}

  void restore();  // once, before put()
  // Ok: journaled, here or in the outbox. kExhausted when full.
  Result<void> put(OutgoingReply reply);
  void up();
  void down();
  Task<void> drained(Ctx ctx);  // until all is in the outboxes, or the link is down
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Item {
    OutgoingReply reply;
    bool ready = false;  // as it is to be sent
    int tries = 0;
  };
  using Lane = std::deque<Item>;

  static store::EntryId entry_of(const OutgoingReply& reply);
  [[nodiscard]] bool is_long(const OutgoingReply& reply) const;
  void enqueue(Item item);
  Task<void> run(Ctx ctx, std::string to);
  Task<void> prepare(Ctx ctx, Item& item);
  Task<bool> hand_on(Ctx ctx, Item& item);

  Deps deps_;
  std::map<std::string, Lane> lanes_;  // by whom it is for; those with something in them
  std::size_t size_ = 0;
  bool up_ = false;
  std::uint64_t losses_ = 0;  // of the link
  Signal changed_;
};

// The beginning of `text`, in words for a person who also gets the whole as a file. Pure.
std::string lead_of(std::string_view text);

}  // namespace skep::channels
