// Where a message went: every router keeps its last hops, and they ask each other (docs/fabric.md
// "Traces").
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "skep/async/gate.h"
#include "skep/base/json.h"
#include "skep/fabric/router.h"

namespace skep::fabric {

inline constexpr std::size_t kTraceHopsMax = 200;  // of one router in one answer; the newest

// Answers other routers and nodes of its own user, and asks. Loop thread only; close() before it
// dies, which is before its router.
class Tracer {
 public:
  static std::unique_ptr<Tracer> open(Loop& loop, Router& router);
  virtual ~Tracer() = default;
  // {"trace", "hops": [{time, router, id, type, from, to, node, row, ttl, outcome}], "routers":
  // [who answered]}, of all routers of the hive, and of other hives as far as their gateways pass
  // the question on; what answers within 700 ms. `trace`: a trace id, or a message's id. kInvalid
  // when it can be neither.
  virtual Task<Result<json::object>> trace(Ctx ctx, std::string trace) = 0;
  virtual Task<void> close() = 0;
};

}  // namespace skep::fabric
