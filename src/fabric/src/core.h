// The router's inside: what nodes in this process (Port), node sockets, peers and the gateway hand
// their messages to, and where they hang their ways out. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/fabric/envelope.h"
#include "skep/fabric/router.h"
#include "skep/fabric/routes.h"

namespace skep::fabric {

// One message on its way through this router, in the form it came in; the other form is made when
// first asked for, once, however many receivers there are. Lives on the stack of who read it.
class Packet {
 public:
  explicit Packet(Message message);
  explicit Packet(const EnvelopeView& view);  // the view's bytes outlive the packet

  [[nodiscard]] const EnvelopeView& view()
      const;                        // of a Message too: what routing needs, without its bytes
  Stamp stamp;                      // what goes out differs in this
  Result<Message> message() const;  // a copy, stamped; the last taker may use take()
  Result<Message> take();
  // Appends the stamped frame. `towards_router`: with the zone and one ttl less.
  Result<void> append(std::string& out, bool towards_router) const;

 private:
  struct Impl;
  // (owner of core.h: choose members; keep Packet free of allocation for frames)
};

// A way out of this router. The owner takes it out of the core before it dies.
class Exit {
 public:
  virtual ~Exit() = default;
  // Takes the message or refuses it at once. kExhausted: full (BACKPRESSURE); kUnavailable: gone.
  virtual Result<void> take(const Packet& packet) = 0;
  [[nodiscard]] virtual std::size_t waiting() const = 0;  // messages not yet gone
};

// Whom a message came from.
struct Origin {
  enum class By : std::uint8_t { kNode, kPeer, kHive } by = By::kNode;
  const NodeAt* node = nullptr;  // kNode: the session's node; its id must be the message's src
  Exit* exit = nullptr;          // the link it came in by; errors go back through it
  std::string_view hive;         // kHive: the session's hive
  bool system = false;           // may send privileged messages
};

// Changes that peering, gateway and shared memory follow. Called on the loop thread after the fact.
struct NodeChange {
  enum class What : std::uint8_t { kUp, kDown, kZone } what;
  NodeAt node;
};

// What decides where "dst: null" goes.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // A name, or an error whose reason (NO_TARGET, later OPA_ERROR, OPA_NO_TARGET) the sender is
  // told.
  virtual Result<std::string> resolve(const EnvelopeView& message) = 0;
};

class Core {
 public:
  struct Config {
    std::string hive;
    Name name;  // RT.…
    NodeId id;
  };
  explicit Core(Config config);
  ~Core();

  // The whole data path: check the source, stamp, dedupe, look up, hand on. Everything that fails
  // is counted; the caller decides who hears of it (report()).
  std::expected<void, Drop> route(const Origin& from, Packet& packet);
  // Tells the sender: UNREACHABLE or TTL_EXCEEDED back by `from`. Nothing for system messages.
  void report(const Origin& from, const Packet& packet, Drop why);

  // Nodes attached here (in-process or by socket). An older session of the same id is told by its
  // exit's owner through `evict`, then removed.
  Result<const NodeAt*> join(NodeAt node, std::function<void()> evict);
  void leave(const NodeAt& node);

  // Peers and hives hang their nodes into table() themselves, with exit = their Exit*.
  RouteTable& table();
  void add_peer(Exit& exit, bool gateway);  // broadcasts go to peers; hives behind a gateway peer
  void remove_peer(Exit& exit);             // takes its nodes away too
  void add_hive(std::string hive, Exit& exit, std::vector<std::string> path);
  void remove_hive(std::string_view hive, Exit& exit);
  void set_gateway(bool here);

  Result<void> set_rules(Rules rules);  // applied as a whole; zones of connected nodes follow
  void set_resolver(Resolver* resolver);
  // Control messages addressed to this router or to the fabric (CONFIG_CHANGED, NODES, LSA, …): by
  // meta.msg. Handed over after the source was checked.
  using Control = std::function<void(const Origin&, const Packet&)>;
  void on_control(std::string msg, Control handler);
  void on_change(std::function<void(const NodeChange&)> follow);

  void count(Drop drop);
  [[nodiscard]] RouterStats stats() const;
  [[nodiscard]] const Config& config() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::fabric
