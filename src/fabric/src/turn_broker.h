// The NATS JetStream server that keeps turns for everybody. libnats blocks, so it has a thread of
// its own (docs/decisions/0014-turns-broker.md).
#pragma once

#include <memory>
#include <string>

#include "skep/async/ctx.h"
#include "skep/async/loop.h"
#include "skep/fabric/turns.h"

namespace skep::fabric {

class TurnBroker {
 public:
  static constexpr std::string_view kStream = "TURNS", kSubject = "storage.turns";

  // Nothing is connected before the first publish(). `loop` outlives it.
  static std::unique_ptr<TurnBroker> start(Loop& loop, std::string url, Secret token);
  virtual ~TurnBroker() = default;  // ends the thread: waits for at most one answer (2 s)
  // Loop thread; one at a time. Ok: the broker has it on its disk (or had it already). Connects and
  // makes the stream when need be. kUnavailable: not now.
  virtual Task<Result<void>> publish(Ctx ctx, Turns::Turn turn) = 0;
};

}  // namespace skep::fabric
