// The router's side of node links: a Unix socket that takes nodes of any language.
#pragma once

#include <memory>
#include <string>

#include "skep/async/gate.h"
#include "skep/fabric/router.h"

namespace skep::fabric {

struct NodeServerConfig {
  std::string directory;                 // <home>/run/fabric
  std::size_t connections_max = 16'384;  // more are refused with TOO_MANY_NODES
  std::size_t connections_per_user_max = 16'384;
  std::size_t queue_messages_max = 8'192,
              queue_bytes_max = 8u << 20;   // to one node; then BACKPRESSURE
  std::size_t queue_system_messages = 256;  // on top, for system messages alone
  std::chrono::milliseconds handshake_timeout{5'000}, ping_after{10'000}, dead_after{30'000},
      stuck_after{60'000};
  // Memory that nodes share with the router, for those that ask: how many may, and how large each
  // of the two rings is (a power of two, 1 MiB to 16 MiB). 0 links: all by the socket.
  std::size_t shared_links_max = 64, shared_ring_bytes = 1u << 20;
  // While messages follow one another, the router looks for the next one for so long before it
  // sleeps. 0: never; nor on a single processor.
  std::chrono::microseconds spin{50};
};

struct NodeServerStats {
  std::size_t connections = 0, registered = 0;
  std::uint64_t accepted = 0, refused = 0, evicted = 0, malformed = 0, spoofed = 0, stuck = 0;
  std::size_t shared = 0;  // connections that go through shared memory
  std::uint64_t frames_in = 0, frames_out = 0, bytes_in = 0, bytes_out = 0;
};

// Loop thread only. Takes the router's lock file (kConflict when another process is that router),
// then binds.
class NodeServer {
 public:
  static Result<std::unique_ptr<NodeServer>> open(Loop& loop, Router& router,
                                                  NodeServerConfig config);
  virtual ~NodeServer() = default;
  virtual Task<void> close(Ctx ctx) = 0;  // tells nodes (GOODBYE), closes, removes the socket
  [[nodiscard]] virtual NodeServerStats stats() const = 0;
  [[nodiscard]] virtual std::string path() const = 0;
};

// Tokens of a hive: which names a token may claim. Files as in docs/fabric.md; any thread, one
// process writes at a time (flock).
struct TokenGrant {
  std::string pattern;  // "SY.timer", "AI.*"
  std::string label;    // for people
  bool system = false;  // may send privileged messages
};
Result<std::string> issue_token(const std::string& directory,
                                TokenGrant grant);  // the token, shown once
Result<std::optional<TokenGrant>> check_token(const std::string& directory, std::string_view token,
                                              std::string_view name);

}  // namespace skep::fabric
