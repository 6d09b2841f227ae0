// The router's inside: what nodes in this process (Port), node sockets, peers and the gateway hand
// their messages to, and where they hang their ways out. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "packet.h"
#include "skep/async/loop.h"
#include "skep/fabric/router.h"
#include "skep/fabric/routes.h"

namespace skep::fabric {

class FrameHub;
class Hops;

// A way out of this router. The owner takes it out of the core before it dies; it may do so while
// take() runs.
class Exit {
 public:
  virtual ~Exit() = default;
  // Takes the message or refuses it at once. kExhausted: full (BACKPRESSURE); kUnavailable: gone.
  // Whoever keeps a Message calls packet.take().
  virtual Result<void> take(const Packet& packet) = 0;
  [[nodiscard]] virtual std::size_t waiting() const = 0;  // messages not yet gone
  // Another session took this node's id: the node is out of the core when this is called, and the
  // session has to end. Only for what join() hung in.
  virtual void evicted() {}
  // An inbox in this process: what it refuses with is its own word, not the state of a link.
  [[nodiscard]] virtual bool is_inbox() const { return false; }
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

// Who is shown each user message and reply that a node of this router takes (turn_recorder.cc).
class Witness {
 public:
  virtual ~Witness() = default;
  // Before it is handed over, for the receiver may move it away and answer before it returns;
  // ends() gets what begins() gave, in any order.
  virtual std::uint64_t begins(const NodeAt& to, const Packet& packet) = 0;
  virtual void ends(std::uint64_t number, bool taken) = 0;
};

// What decides where "dst: null" goes.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // A name, or why there is none (kNoTarget, kOpaError, kOpaNoTarget), which the sender is told.
  virtual std::expected<std::string, Drop> resolve(const Packet& message) = 0;
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
  // is counted; the caller decides who hears of it (report()). `from.node` and either end's exit
  // may be gone when it returns.
  std::expected<void, Drop> route(const Origin& from, Packet& packet);
  // Tells the sender: UNREACHABLE or TTL_EXCEEDED back by `from`. Nothing for system messages, nor
  // for the reasons that are only counted.
  void report(const Origin& from, const Packet& packet, Drop why);
  // route(), then report() what failed: what links do with a frame. A node's link must still be
  // there afterwards, which a frame link always is (it ends its session later, never in take()).
  void accept(const Origin& from, Packet& packet);
  // A message of the router itself ("src" is its id) to a node it knows; not reported.
  void send(Message message);

  // Nodes attached here (in-process or by socket). An older session of the same id is taken out and
  // its exit told by evicted(). `node.since` is set here.
  Result<const NodeAt*> join(NodeAt node);
  void leave(const NodeAt& node);  // of join(), not evicted since

  // Peers and hives hang their nodes into table() themselves, with exit = their Exit* and since =
  // next_since().
  RouteTable& table();
  [[nodiscard]] const RouteTable& table() const;
  std::uint64_t next_since();
  // Nodes of other hives, for the gateway: as add() and remove() of the table, but followers are
  // told, so that peers hear of them.
  Result<const NodeAt*> hang(NodeAt node);
  void unhang(const NodeId& id);
  void add_peer(Exit& exit, bool gateway);  // broadcasts go to peers; hives behind a gateway peer
  void remove_peer(Exit& exit);             // takes its nodes away too
  void add_hive(std::string hive, Exit& exit, std::vector<std::string> path);
  void remove_hive(std::string_view hive, Exit& exit);  // its nodes and routes behind `exit` too
  void set_gateway(bool here);
  [[nodiscard]] bool is_gateway() const;

  void set_rules(Rules rules);  // applied as a whole; zones of connected nodes follow
  void set_resolver(Resolver* resolver);
  // Numbers messages of a thread that nobody has numbered, at the router that first sees them. An
  // error leaves the message without a number.
  void set_thread_seq(std::function<Result<std::uint64_t>(std::string_view thread_id)> next);
  void set_witness(Witness* witness);  // null: nobody
  // System messages for this router or for nobody (dst null), and broadcast ones beside their
  // delivery, by meta.msg. Handed over after the source was checked. An empty handler takes the
  // registration back.
  using Control = std::function<void(const Origin&, const Packet&)>;
  void on_control(std::string msg, Control handler);
  // A peer or hive was hung in: its exit takes messages from now on.
  void on_session(std::function<void(Exit&)> follower);
  // Until unfollow(). Followers change nodes at most in answer to nothing: not from inside.
  std::uint64_t follow(std::function<void(const NodeChange&)> follower);
  void unfollow(std::uint64_t follower);

  // What all frame sockets of this router share; made when first asked for.
  const std::shared_ptr<FrameHub>& frames(Loop& loop);

  // What passed lately. neighbours(): peers and sessions with other hives; beyond(): there is a way
  // to other hives, here or at a peer.
  [[nodiscard]] const Hops& hops() const;
  [[nodiscard]] std::size_t neighbours() const;
  [[nodiscard]] bool beyond() const;

  void count(Drop drop);
  [[nodiscard]] RouterStats stats() const;
  [[nodiscard]] const Config& config() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::fabric
