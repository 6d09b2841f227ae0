// A node's link to a router in another process (docs/fabric.md "Handshake", "Delivery").
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/async/gate.h"
#include "skep/base/secret.h"
#include "skep/model/message.h"

namespace skep::store {
class Journal;
}

namespace skep::fabric {

struct NodeLinkConfig {
  std::string directory;  // the hive's <home>/run/fabric; every "*.sock" in it that is no peer
                          // socket is a router
  std::string
      router;  // a socket's path instead; empty: chosen by the name's hash, the others in turn
  std::string name;        // "AI.support"; the hive is completed by the router
  bool persistent = true;  // keeps its id in <directory>/ids; else a new one each time
  Secret token;
  std::size_t queue_messages_max = 4'096, queue_bytes_max = 16u << 20;  // unsent, also while away
  std::chrono::milliseconds kept_max{60'000};  // an unacknowledged-kind message older than that is
                                               // dropped when the link comes back, and reported
  // An acknowledged message whose receiver is not there, or has no room, is tried again for so
  // long, and a conversation's messages stay in order meanwhile. 0: the node hears of it at once
  // (but for the first seconds after a reconnect, when others are still to come back).
  std::chrono::milliseconds missing_kept_max{0};
  // Asks the router for memory to share; it may have none.
  bool shared_memory = true;
  // Texts too long for a frame; empty: <directory>/../../blobs, which is <home>/blobs.
  std::string blobs;
};

struct NodeLinkStatus {
  bool up = false, shared_memory = false;
  std::string router, last_error;
  std::uint32_t zone = 0;
  std::size_t queued = 0, unacknowledged = 0;
  std::uint64_t connects = 0, sent = 0, received = 0, refused = 0;
};

// Loop thread only. Reconnects for ever: 100 ms doubling to 30 s, back to 100 ms after a handshake;
// a refusal by HELLO_REJECT that cannot mend itself (BAD_NAME, NAME_NOT_ALLOWED, BAD_TOKEN) is
// reported through `gave_up` and not retried.
class NodeLink : public Inbox {
 public:
  struct Deps {
    Loop& loop;
    Inbox& inbox;                       // what arrives for the node
    store::Journal* journal = nullptr;  // keeps acknowledged messages over a death of the process
    std::function<void(const Error&)> gave_up;
    // An acknowledged message of this node will not be delivered: its receiver refused it, or was
    // missing for too long. Ok: the node has drawn its consequences, and the message is forgotten;
    // an error: ask again later. Empty: the inbox gets NACK or UNREACHABLE.
    std::function<Result<void>(const Message& message, const Error& why)> undelivered = {};
    // What the node took before and has not finished: with a journal, none of it is taken again.
    std::vector<Message> taken = {};
  };
  static Result<std::unique_ptr<NodeLink>> open(NodeLinkConfig config, Deps deps);
  virtual void start() = 0;
  // Sends what is queued if it can, WITHDRAW, closes; bounded by the Ctx.
  virtual Task<void> close(Ctx ctx) = 0;
  // Sends. kUser and kReply are acknowledged messages: ok means that they are kept until the
  // receiver answered (in the journal when there is one). kExhausted: the queue is full. A later
  // failure comes to the inbox as kSystem NACK or UNREACHABLE with in_reply_to.
  Result<void> deliver(Message message) override = 0;
  [[nodiscard]] virtual NodeLinkStatus status() const = 0;
  [[nodiscard]] virtual NodeId id() const = 0;
};

// What a link of that name has in the journal: acknowledged messages without an answer, of this
// process or a previous one. Their long texts are still in blobs.
std::vector<Message> kept_messages(const store::Journal& journal, std::string_view base_name);

}  // namespace skep::fabric
