// A durable copy of every turn that passes this hive, for storage and cognition: subject
// "storage.turns".
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "skep/async/gate.h"
#include "skep/base/secret.h"
#include "skep/fabric/router.h"
#include "skep/store/append_file.h"

namespace skep::fabric {

struct TurnsConfig {
  std::string url;        // "nats://host:port"; empty: kept in <directory>
  std::string directory;  // <home>/streams/turns: the embedded stream, or the spool while the
                          // broker is away
  Secret token;           // for the broker
  std::uint64_t bytes_max = 1u << 30;  // embedded stream or spool; then new turns
                                       // are refused and counted, never old ones dropped unseen
  std::size_t unacknowledged_max = 50'000;  // of one consumer
  store::Sync sync = store::Sync::kProcess;
};
struct TurnsStatus {
  bool broker_up = false;         // it took the last turn
  std::uint64_t published = 0;    // to the broker, or without one to the directory
  std::uint64_t spooled = 0;      // wait for the broker now
  std::uint64_t refused = 0;      // over bytes_max
  std::uint64_t redelivered = 0;  // handed out again after a failure, to the broker too
  std::uint64_t overflowed = 0;   // appended while a consumer was unacknowledged_max behind
  std::string last_error;
};

// Loop thread only; one process has a directory (open() fails with kConflict). append() returns
// when the turn is in a file (one write(2)); a turn whose id is among the last 65,536 is the same
// turn. With a url every turn goes on from there to the stream TURNS of the broker, in order, and
// again until the broker has it; the broker knows an id again for a day (Nats-Msg-Id). Turns stay
// in the directory until every consumer that ever was, the broker too, has taken them. close() the
// consumers, then close() this, then let it die.
class Turns {
 public:
  struct Turn {
    std::string id;        // hive, thread and seq, or the message id: the idempotency key
    std::string envelope;  // JSON as delivered, with the outcome in meta
  };
  static Result<std::unique_ptr<Turns>> open(Loop& loop, TurnsConfig config);
  virtual ~Turns() = default;
  virtual Result<void> append(Turn turn) = 0;
  // One durable consumer of this hive's turns by name: in order, one at a time, again after a
  // failure (1 s doubling to 30 s), from where it stood before a restart. `handle` returns ok when
  // it has kept the turn. A new name begins with the oldest turn there is. close() before the
  // returned handle dies.
  class Consumer {
   public:
    virtual ~Consumer() = default;
    virtual Task<void> close() = 0;
  };
  using Handle = std::function<Task<Result<void>>(const Turn&)>;
  virtual Result<std::unique_ptr<Consumer>> consume(std::string name, Handle handle) = 0;
  virtual Task<void> close(Ctx ctx) = 0;
  [[nodiscard]] virtual TurnsStatus status() const = 0;
};

// Numbers of messages in a thread that never repeat, over restarts and routers of a hive: high part
// from a counter that is raised on disk once for a block of numbers, so that a kill wastes at most
// a block. Loop thread only.
class ThreadSeq {
 public:
  static Result<std::unique_ptr<ThreadSeq>> open(const std::string& path);
  virtual ~ThreadSeq() = default;
  virtual Result<std::uint64_t> next(std::string_view thread_id) = 0;  // ascends within a thread
  static constexpr std::size_t threads_max =
      65'536;  // counters in memory; the oldest go, and continue above the last block
};

// Numbers the messages of threads that nobody has numbered where `router` first sees them, all but
// progress and system messages. Null: no longer. When it cannot count, the message goes on without
// a number.
void number_threads(Router& router, ThreadSeq* seq);

// Appends each user message and reply that a node of this router takes: the envelope as the node
// gets it, with meta.outcome {"result":"delivered", "name", "node", "router", "at"}. A turn's id is
// the sender's name and the message's id (one of its own for a message without). A turn that is
// refused there (full) is delivered all the same, counted in TurnsStatus::refused, and logged when
// it begins. Loop thread only; dies before `router` and `turns`.
class TurnRecorder {
 public:
  static std::unique_ptr<TurnRecorder> open(Router& router, Turns& turns);
  virtual ~TurnRecorder() = default;
};

}  // namespace skep::fabric
