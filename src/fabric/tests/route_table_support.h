// Short ways to fill a RouteTable and to ask it.
#pragma once

#include <string>
#include <string_view>

#include "skep/fabric/routes.h"

namespace skep::fabric {

using What = Decision::What;
using Action = StaticRoute::Action;

inline Name named(std::string_view text) { return *Name::parse(text, "lab"); }
inline NodeId id_of(std::uint32_t number) {
  NodeId id;
  for (int i = 0; i < 4; ++i) id.uuid.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

struct Table : RouteTable {
  Table() : RouteTable("lab") {}
  std::uint32_t ids = 0;

  const NodeAt* here(std::string_view name, void* exit = nullptr) {
    return *add({.id = id_of(++ids), .name = named(name), .exit = exit});
  }
  const NodeAt* at_peer(std::string_view name, void* exit = nullptr) {
    return *add({.id = id_of(++ids),
                 .name = named(name),
                 .zone = 0,
                 .where = NodeAt::Where::kPeer,
                 .exit = exit});
  }
  const NodeAt* in_hive(std::string_view name, std::uint8_t path = 1, void* exit = nullptr) {
    const Name full = named(name);
    return *add({.id = id_of(++ids),
                 .name = full,
                 .zone = 0,
                 .where = NodeAt::Where::kHive,
                 .hive = std::string(full.hive()),
                 .path = path,
                 .exit = exit});
  }
  Decision to(std::string_view name, std::string_view thread = {}) const {
    return ask(name, {.zone = 0, .hive = "lab", .thread = thread});
  }
};

inline StaticRoute route(Action action, std::string_view pattern, Match match,
                         std::string_view to = {}, std::uint16_t priority = 100,
                         std::uint32_t metric = 0) {
  return {{std::string(pattern), match}, action, std::string(to), priority, metric};
}
inline ZoneRule zone(std::string_view pattern, Match match, std::uint32_t zone,
                     std::uint16_t priority = 100) {
  return {{std::string(pattern), match}, zone, priority};
}

}  // namespace skep::fabric
