// What the core's parts (core.cc, route.cc, broadcast.cc, report.cc) share.
#pragma once

#include <unordered_map>

#include "core.h"
#include "dedupe.h"
#include "hops.h"

namespace skep::fabric {

struct Core::Impl {
  explicit Impl(Config c) : config(std::move(c)), table(config.hive) {}

  struct Peer {
    Exit* exit;
    bool gateway;
  };
  struct Hive {
    std::string hive;
    Exit* exit;
    std::vector<std::string> path;
  };
  // What route() knows of a message beside its bytes.
  struct Sender {
    std::optional<std::uint32_t> zone;  // nullopt: a system node, or a router
    std::string_view hive;
    bool system = false;
  };

  Config config;
  RouteTable table;
  std::vector<Peer> peers;
  std::vector<Hive> hives;
  bool gateway_here = false;
  Resolver* resolver = nullptr;
  std::function<Result<std::uint64_t>(std::string_view)> thread_seq;
  Witness* witness = nullptr;
  std::unordered_map<std::string, Control> controls;
  std::vector<std::pair<std::uint64_t, std::function<void(const NodeChange&)>>> followers;
  std::function<void(Exit&)> session_up;
  std::uint64_t serial = 0;
  RouterStats stats;
  Hops hops;
  std::shared_ptr<FrameHub> frames;
  SeenLately broadcasts{broadcasts_max, std::chrono::seconds(30)};
  static constexpr std::size_t broadcasts_max = 65'536;

  using Routed = std::expected<void, Drop>;
  Routed route(const Origin& from, Packet& packet);  // route.cc

  Routed admit(const Origin& from, Packet& packet, Sender& sender);
  Routed admit_from_router(const Origin& from, Packet& packet, Sender& sender);
  [[nodiscard]] bool may_say(const Sender& sender, const Packet& packet) const;
  void number(const Origin& from, Packet& packet);
  Routed unicast(const Origin& from, const Sender& sender, Packet& packet);
  Routed to_id(const Origin& from, const Sender& sender, Packet& packet);
  Routed to_name(const Origin& from, const Sender& sender, Packet& packet, std::string_view name);
  Routed follow(const Origin& from, Packet& packet, const Decision& decision);
  Routed to_hive(const Origin& from, Packet& packet, std::string_view hive, Exit* known);
  Routed to_null(const Origin& from, const Sender& sender, Packet& packet);
  Routed to_node(const Origin& from, Packet& packet, const NodeAt& to);
  Routed hand_to_router(const Origin& from, Packet& packet, Exit& exit, Drop when_gone);
  Routed hand_to_node(const NodeAt& to, Packet& packet);
  Routed hand_over(Exit& exit, Packet& packet, Drop when_gone);
  bool control(const Origin& from, const Packet& packet);
  [[nodiscard]] bool is_for_me(const Packet& packet) const;

  Routed broadcast(const Origin& from, const Sender& sender, Packet& packet);  // broadcast.cc
  void broadcast_here(const Sender& sender, Packet& packet);
  void broadcast_onwards(const Origin& from, Packet& packet);

  void report(const Origin& from, const Packet& packet, Drop why);  // report.cc
  void count(Drop drop) { ++stats.dropped[static_cast<std::size_t>(drop)]; }
  void tell(NodeChange::What what, const NodeAt& node);
};

inline Exit* exit_of(const NodeAt& node) { return static_cast<Exit*>(node.exit); }

}  // namespace skep::fabric
