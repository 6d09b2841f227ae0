#include "reach.h"

#include <algorithm>

#include "skep/base/json.h"

namespace skep::fabric {
namespace {

// What we take messages for: our fallbacks to nodes of this hive.
std::vector<LsaRoute> advertised(const Rules& rules, const std::string& hive) {
  std::vector<LsaRoute> routes;
  for (const StaticRoute& route : rules.routes) {
    const bool here = route.to.ends_with("@" + hive) && !route.to.starts_with('@');
    if (route.action == StaticRoute::Action::kFallback && here && routes.size() < kHiveRoutesMax) {
      routes.push_back({route.pattern, route.metric});
    }
  }
  return routes;
}

}  // namespace

// What we change in the table ourselves needs no refresh.
class Reach::OwnChanges {
 public:
  explicit OwnChanges(Reach& reach) : reach_(reach), clean_(!reach.stale()) {}
  ~OwnChanges() {
    if (clean_) reach_.seen_version_ = reach_.core_.table().version();
  }
  OwnChanges(const OwnChanges&) = delete;
  OwnChanges& operator=(const OwnChanges&) = delete;

 private:
  Reach& reach_;
  bool clean_;
};

Reach::Reach(Core& core, std::uint64_t epoch)
    : core_(core), own_(core.config().hive, core.config().hive) {
  own_.begin(epoch);
  own_.set_path({own_.hive()});
  refresh();
}

void Reach::up(Neighbour& neighbour) {
  neighbours_.push_back(&neighbour);
  tell(neighbour, own_.hive(), nullptr);
  for (const auto& [hive, way] : ways_) tell(neighbour, hive, nullptr);
}

void Reach::down(Neighbour& neighbour) {
  const OwnChanges own(*this);
  std::erase(neighbours_, &neighbour);
  std::vector<std::string> hives;
  for (const auto& [hive, topology] : neighbour.learned) hives.push_back(hive);
  neighbour.learned.clear();
  for (const std::string& hive : hives) choose(hive);
}

void Reach::take_advertisement(Neighbour& from, std::string_view payload) {
  const OwnChanges own(*this);
  auto lsa = read_lsa(payload);
  if (!lsa) return count(from.rejects, LsaReject::kParse);
  const LsaReject why = check_path(*lsa, from.hive, own_.hive());
  if (why != LsaReject::kCount) return count(from.rejects, why);
  const std::string hive = lsa->hive;
  if (lsa->kind == Lsa::Kind::kGone) {
    from.learned.erase(hive);
    from.asked.erase(hive);
    return choose(hive);
  }
  if (from.learned.size() >= kHivesMax && !from.learned.contains(hive)) {
    return count(from.rejects, LsaReject::kOverLimit);
  }
  const bool periodic = lsa->kind == Lsa::Kind::kDigest;
  Topology& topology = from.learned.try_emplace(hive, hive, own_.hive()).first->second;
  Topology::Change change = topology.apply(std::move(*lsa), from.rejects);
  if (change.what == Topology::Change::What::kAskFull) {
    if (from.asked.insert(hive).second || periodic) {
      from.send("LSA_REQUEST", to_json(json::object{{"hive", hive}}));
    }
    return;
  }
  if (change.what == Topology::Change::What::kFull) from.asked.erase(hive);
  changed(from, hive, std::move(change));
}

void Reach::take_request(Neighbour& from, std::string_view payload) {
  const auto value = parse_json(payload, {.bytes_max = 1'024, .depth_max = 4});
  if (!value) return count(from.rejects, LsaReject::kParse);
  tell(from, std::string(get_string(*value, "hive")), nullptr);
}

// What one session told about a hive is another now. It matters when that session is the way there,
// or has become it.
void Reach::changed(Neighbour& from, const std::string& hive, Topology::Change change) {
  using What = Topology::Change::What;
  if (change.what == What::kNone) return;
  const auto way = ways_.find(hive);
  if (way == ways_.end() || way->second != &from || nearest(hive) != &from) return choose(hive);
  const Topology& topology = from.learned.find(hive)->second;
  unhang(hive, *from.exit, change.down);
  hang(topology, *from.exit, change.up, from.rejects);
  if (change.routes) hang_routes(topology, *from.exit);
  tell_all(hive, change.what == What::kDelta ? &change : nullptr);
}

void Reach::choose(const std::string& hive) {
  Neighbour* next = nearest(hive);
  const auto now = ways_.find(hive);
  Neighbour* before = now == ways_.end() ? nullptr : now->second;
  if (next == before) {
    if (next != nullptr) tell_all(hive, nullptr);
    return;
  }
  if (before != nullptr) {
    core_.remove_hive(hive, *before->exit);
    ways_.erase(now);
  }
  if (next != nullptr) {
    const Topology& topology = next->learned.find(hive)->second;
    ways_[hive] = next;
    core_.add_hive(hive, *next->exit, topology.path());
    std::vector<LsaNode> nodes;
    for (const auto& [id, node] : topology.nodes()) nodes.push_back(node);
    hang(topology, *next->exit, nodes, next->rejects);
    hang_routes(topology, *next->exit);
  }
  tell_all(hive, nullptr);
}

// The shortest path; of equals the hive whose name comes first, so that everybody chooses alike.
Neighbour* Reach::nearest(std::string_view hive) const {
  Neighbour* best = nullptr;
  std::size_t best_path = 0;
  for (Neighbour* one : neighbours_) {
    const auto at = one->learned.find(hive);
    if (at == one->learned.end() || !at->second.known()) continue;
    const std::size_t path = at->second.path().size();
    const bool nearer =
        best == nullptr || path < best_path || (path == best_path && one->hive < best->hive);
    if (!nearer) continue;
    best = one;
    best_path = path;
  }
  return best;
}

void Reach::hang(const Topology& topology, Exit& exit, const std::vector<LsaNode>& nodes,
                 LsaRejects& rejects) {
  for (const LsaNode& node : nodes) {
    auto name = Name::parse(node.name);
    if (!name) continue;
    const bool system = name->type() == NodeType::kSystem || name->type() == NodeType::kRouter;
    NodeAt at{.id = node.id,
              .name = *std::move(name),
              .zone = system ? std::nullopt : std::optional(node.zone),
              .where = NodeAt::Where::kHive,
              .hive = topology.hive(),
              .path = static_cast<std::uint8_t>(topology.path().size()),
              .since = core_.next_since(),
              .exit = &exit};
    if (!core_.hang(std::move(at))) count(rejects, LsaReject::kTaken);
  }
}

void Reach::unhang(std::string_view hive, const Exit& exit, const std::vector<NodeId>& nodes) {
  for (const NodeId& id : nodes) {
    const NodeAt* at = core_.table().find(id);
    const bool ours =
        at != nullptr && at->where == NodeAt::Where::kHive && at->exit == &exit && at->hive == hive;
    if (ours) core_.unhang(NodeId(id));
  }
}

void Reach::hang_routes(const Topology& topology, Exit& exit) {
  std::vector<HiveRoute> routes;
  for (const LsaRoute& route : topology.routes()) {
    routes.push_back({route.pattern, route.metric, topology.hive(), &exit});
  }
  core_.table().set_hive_routes(topology.hive(), std::move(routes));
}

const Topology* Reach::source(const std::string& hive) const {
  if (hive == own_.hive()) return &own_;
  const auto way = ways_.find(hive);
  if (way == ways_.end()) return nullptr;
  const auto at = way->second->learned.find(hive);
  return at == way->second->learned.end() ? nullptr : &at->second;
}

// Never back to a hive that the news passed.
bool Reach::may_know(const Neighbour& to, const std::string& hive, const Topology& topology) const {
  if (hive == own_.hive()) return true;
  return ways_.find(hive)->second != &to && topology.path().size() < kLsaPathMax &&
         std::ranges::find(topology.path(), to.hive) == topology.path().end();
}

void Reach::tell_all(const std::string& hive, const Topology::Change* delta) {
  for (Neighbour* one : neighbours_) tell(*one, hive, delta);
}

void Reach::tell(Neighbour& to, const std::string& hive, const Topology::Change* delta) {
  const Topology* topology = source(hive);
  const auto told = to.told.find(hive);
  if (topology == nullptr || !may_know(to, hive, *topology)) {
    if (told == to.told.end()) return;
    to.told.erase(told);
    return send(to, Lsa{.kind = Lsa::Kind::kGone, .hive = hive, .path = {hive}});
  }
  const bool next = delta != nullptr && told != to.told.end() &&
                    told->second.epoch == topology->epoch() &&
                    told->second.seq + 1 == topology->seq();
  to.told[hive] = {topology->epoch(), topology->seq()};
  if (!next) {
    for (Lsa& part : cut_lsa(topology->full())) send(to, std::move(part));
    return;
  }
  Lsa lsa{.kind = Lsa::Kind::kDelta,
          .hive = hive,
          .epoch = topology->epoch(),
          .seq = topology->seq(),
          .path = topology->path(),
          .up = delta->up,
          .down = delta->down};
  send(to, std::move(lsa));
}

void Reach::send(Neighbour& to, Lsa lsa) {
  if (lsa.path.empty() || lsa.path.back() != own_.hive()) lsa.path.push_back(own_.hive());
  to.send("LSA", write_lsa(lsa));
}

void Reach::refresh() {
  std::vector<LsaNode> up;
  std::size_t present = 0;
  const auto look = [&](const NodeAt& node) {
    LsaNode now{node.id, node.name.str(), node.zone.value_or(0)};
    if (node.name.hive() != own_.hive() || node.name.type() == NodeType::kRouter) return;
    const LsaNode* before = own_.find(node.id);
    if (before != nullptr) ++present;
    if (before == nullptr || *before != now) up.push_back(std::move(now));
  };
  core_.table().each(NodeAt::Where::kHere, look);
  core_.table().each(NodeAt::Where::kPeer, look);
  std::vector<NodeId> down;
  if (present < own_.nodes().size()) {
    for (const auto& [id, node] : own_.nodes()) {
      const NodeAt* at = core_.table().find(id);
      if (at == nullptr || at->where == NodeAt::Where::kHive) down.push_back(id);
    }
  }
  const std::vector<Lsa> deltas = own_.set_own(std::move(up), down);
  tell_own(deltas);
  if (own_.set_own_routes(advertised(core_.table().rules(), own_.hive()))) {
    tell_all(own_.hive(), nullptr);
  }
  seen_version_ = core_.table().version();
}

void Reach::introduce(const NodeId& id) {
  if (own_.find(id) != nullptr || own_.nodes().size() >= kHiveNodesMax) return;
  const NodeAt* node = core_.table().find(id);
  if (node == nullptr || node->where == NodeAt::Where::kHive || node->name.hive() != own_.hive() ||
      node->name.type() == NodeType::kRouter)
    return;
  tell_own(own_.set_own({{node->id, node->name.str(), node->zone.value_or(0)}}, {}));
}

void Reach::tell_own(const std::vector<Lsa>& deltas) {
  for (const Lsa& delta : deltas) {
    for (Neighbour* one : neighbours_) {
      send(*one, delta);
      one->told[own_.hive()] = {delta.epoch, delta.seq};
    }
  }
}

void Reach::tell_digests() {
  for (Neighbour* one : neighbours_) {
    for (const auto& [hive, told] : one->told) {
      if (const Topology* topology = source(hive)) send(*one, topology->digest());
    }
  }
}

}  // namespace skep::fabric
