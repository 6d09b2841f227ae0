// Moves messages between named nodes. This is the whole data path: stamp the sender, look the route
// up, hand on.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/model/message.h"

namespace skep::fabric {

// Why a message did not arrive; each is counted. The names are the UNREACHABLE reasons of the node
// protocol.
enum class Drop : std::uint8_t {
  kNodeNotFound,
  kTtlExceeded,
  kRefused,  // an inbox said no
  kNoTarget,
  kNotAllowed,
  kVpnBlocked,
  kBackpressure,  // the receiver's queue is full
  kPeerUnavailable,
  kGatewayUnavailable,
  kWanUnavailable,
  kOpaError,
  kOpaNoTarget,
  // The sender is not told of these:
  kSpoofed,    // a src that is not the session's
  kMalformed,  // a frame whose fields make no envelope
  kRouteDrop,  // a static route says so
  kDuplicate,  // a broadcast seen before
  kForeign,    // a name or source of a hive that the session may not speak for
  kCount
};
// "NODE_NOT_FOUND", "TTL_EXCEEDED", …: the reasons of docs/fabric.md.
std::string_view drop_reason(Drop drop);

struct RouteEntry {
  std::string name;  // a full name; of a static route its pattern
  NodeId node;       // nil for a static route
  std::string why;   // "connected" to this router, "peer": another router of the hive, "hive": the
                     // gateway's news of another hive, "static": a configured route
  std::uint32_t zone = 0;
  std::string to;  // hive: which; static: "drop", "redirect AI.x@h", "fallback @h"
};

// An immutable picture of the routes, for other threads and for people.
struct RouteSnapshot {
  std::uint64_t version = 0;       // grows with each change
  std::vector<RouteEntry> routes;  // by name, then in order of arrival; static ones first
};

struct RouterStats {
  std::uint64_t delivered = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Drop::kCount)> dropped{};
};

class Core;
class Router;
class Texts;
namespace detail {
struct Node;
}  // namespace detail

// A node's place on the fabric: what it sends through it carries its identity, whatever the message
// claims. Moves; while it lives the node is routable, its death takes the routes away.
class Port {
 public:
  Port() = default;
  Port(Port&& other) noexcept;
  Port& operator=(Port&& other) noexcept;
  ~Port();

  // Sends and says at once whether it was handed on. On an error nobody else hears of it.
  // kNotFound: no such node or no target; kInvalid: ttl used up; kUnavailable: this port is dead;
  // kExhausted: the receiver is full, or inboxes that send while being delivered to are nested
  // deeper than Router::nesting_max. What a receiver refuses with comes back unchanged. A broadcast
  // is ok whoever heard it.
  Result<void> send(Message message);
  // Sends; a failure comes back as a kSystem message (UNREACHABLE or TTL_EXCEEDED, with
  // meta.original_dst and meta.reason) to this node's own inbox, before post() returns. A failed
  // kSystem message is answered by nothing, or errors would answer errors. What links to other
  // processes use.
  void post(Message message);

  [[nodiscard]] const Name& name() const;
  [[nodiscard]] const NodeId& id() const;
  [[nodiscard]] bool attached() const { return node_ != nullptr; }

 private:
  friend class Router;
  friend struct detail::Node;
  explicit Port(detail::Node& node);
  void leave();
  detail::Node* node_ = nullptr;  // the router's; null once replaced or moved from
  NodeId id_;
  std::optional<Name> name_;
};

struct RouterConfig {
  std::string hive = "local";
  std::string name = "RT.main";  // one router of that name in a hive
  // Where a message with an Unresolved destination goes; empty: refused with NO_TARGET.
  std::string default_target;
};

// Loop thread only, except snapshot(). One node is one NodeId; names may repeat: a message with a
// conversation or thread goes to the same one of them while it lives, others to the one with the
// shortest queue, the first attached among equals. An inbox may send, attach and destroy ports, its
// own too, while it is delivered to.
class Router {
 public:
  static constexpr int nesting_max = 64;

  static Result<std::unique_ptr<Router>> open(RouterConfig config);
  ~Router();  // every Port must be gone
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // Makes `inbox` reachable as `name` (whose hive must be ours: kDenied). The inbox must outlive
  // the Port. A second node with the same NodeId replaces the first, whose Port goes dead.
  Result<Port> attach(Name name, NodeId id, Inbox& inbox);

  [[nodiscard]] const std::string& hive() const;
  // Any thread. Built when it is asked for after a change, so that attaching n nodes costs n, not n
  // squared; attach and detach wait meanwhile, messages do not.
  [[nodiscard]] std::shared_ptr<const RouteSnapshot> snapshot() const;
  [[nodiscard]] RouterStats stats() const;
  // Long texts of messages between nodes of this process and others travel as blobs from now on;
  // null: no more. Without, one that is too long for a frame is refused with kTooLarge.
  void set_texts(Texts* texts);
  // The inside, for what links this router to others (NodeServer, Peering, Gateway).
  [[nodiscard]] Core& core();

  struct Impl;

 private:
  explicit Router(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::fabric
