#include "topology.h"

#include <algorithm>
#include <unordered_set>

namespace skep::fabric {

std::string_view reject_reason(LsaReject reject) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"parse_error", "hive_mismatch", "own_hive", "loop", "stale_seq", "foreign_name",
       "drop_route", "own_route", "over_limit", "taken"});
  static_assert(kNames.size() == static_cast<std::size_t>(LsaReject::kCount));
  return reject < LsaReject::kCount ? kNames[static_cast<std::size_t>(reject)] : "unknown";
}

LsaReject check_path(const Lsa& lsa, std::string_view session_hive, std::string_view own_hive) {
  if (lsa.path.empty() || lsa.path.front() != lsa.hive || lsa.path.back() != session_hive) {
    return LsaReject::kHiveMismatch;
  }
  if (lsa.hive == own_hive) return LsaReject::kOwnHive;
  if (std::ranges::find(lsa.path, own_hive) != lsa.path.end()) return LsaReject::kLoop;
  std::unordered_set<std::string_view> seen;
  for (const std::string& hive : lsa.path) {
    if (!Name::parse("RT.x", hive)) return LsaReject::kHiveMismatch;
    if (!seen.insert(hive).second) return LsaReject::kLoop;
  }
  return LsaReject::kCount;
}

bool Topology::acceptable(const LsaNode& node, LsaRejects& rejects) const {
  const auto name = Name::parse(node.name);
  if (name && name->hive() == hive_) return true;
  count(rejects, LsaReject::kForeignName);
  return false;
}

// False: the same was there.
bool Topology::insert(LsaNode node) {
  const std::uint64_t hash = hash_of(node);
  auto [at, fresh] = nodes_.try_emplace(node.id, node);
  if (!fresh) {
    if (at->second == node) return false;
    hash_ -= hash_of(at->second);
    at->second = std::move(node);
  }
  hash_ += hash;
  return true;
}

bool Topology::erase(const NodeId& id) {
  const auto at = nodes_.find(id);
  if (at == nodes_.end()) return false;
  hash_ -= hash_of(at->second);
  nodes_.erase(at);
  return true;
}

std::vector<LsaRoute> Topology::filtered(std::vector<LsaRoute> routes, LsaRejects& rejects) const {
  std::vector<LsaRoute> kept;
  const std::string ours = "@" + own_hive_;
  for (LsaRoute& route : routes) {
    const LsaReject why = route.drop                           ? LsaReject::kDropRoute
                          : route.pattern.text.ends_with(ours) ? LsaReject::kOwnRoute
                          : kept.size() >= kHiveRoutesMax      ? LsaReject::kOverLimit
                                                               : LsaReject::kCount;
    if (why == LsaReject::kCount) {
      kept.push_back(std::move(route));
    } else {
      count(rejects, why);
    }
  }
  return kept;
}

Topology::Change Topology::apply(Lsa lsa, LsaRejects& rejects) {
  switch (lsa.kind) {
    case Lsa::Kind::kFull:
      return apply_full(std::move(lsa), rejects);
    case Lsa::Kind::kDelta:
      return apply_delta(std::move(lsa), rejects);
    case Lsa::Kind::kDigest:
      return apply_digest(lsa);
    case Lsa::Kind::kGone:
      break;
  }
  return {};
}

// Parts come in order on one stream; the first begins anew, and only the last one changes anything.
Topology::Change Topology::apply_full(Lsa lsa, LsaRejects& rejects) {
  if (lsa.part == 1) {
    gathering_ = Lsa{.epoch = lsa.epoch, .seq = lsa.seq, .part = 0, .parts = lsa.parts};
    gathering_left_out_ = 0;
  }
  const bool next = lsa.epoch == gathering_.epoch && lsa.seq == gathering_.seq &&
                    lsa.parts == gathering_.parts && lsa.part == gathering_.part + 1;
  if (!next) return {.what = Change::What::kAskFull};
  gathering_.part = lsa.part;
  for (LsaNode& node : lsa.up) {
    if (!acceptable(node, rejects)) {
      ++gathering_left_out_;
    } else if (gathering_.up.size() >= kHiveNodesMax) {
      ++gathering_left_out_;
      count(rejects, LsaReject::kOverLimit);
    } else {
      gathering_.up.push_back(std::move(node));
    }
  }
  std::vector<LsaRoute> routes = filtered(std::move(lsa.routes), rejects);
  for (LsaRoute& route : routes) {
    if (gathering_.routes.size() < kHiveRoutesMax) {
      gathering_.routes.push_back(std::move(route));
    } else {
      count(rejects, LsaReject::kOverLimit);
    }
  }
  if (lsa.part < lsa.parts) return {};

  Change change{.what = Change::What::kFull};
  std::unordered_set<NodeId> present;
  for (const LsaNode& node : gathering_.up) present.insert(node.id);
  for (const auto& [id, node] : nodes_) {
    if (!present.contains(id)) change.down.push_back(id);
  }
  for (const NodeId& id : change.down) erase(id);
  for (LsaNode& node : gathering_.up) {
    const bool replaces = nodes_.contains(node.id);
    if (!insert(node)) continue;
    if (replaces) change.down.push_back(node.id);
    change.up.push_back(std::move(node));
  }
  change.routes = routes_ != gathering_.routes;
  routes_ = std::move(gathering_.routes);
  path_ = std::move(lsa.path);
  epoch_ = lsa.epoch;
  seq_ = lsa.seq;
  left_out_ = gathering_left_out_;
  known_ = true;
  gathering_ = {};
  return change;
}

Topology::Change Topology::apply_delta(Lsa lsa, LsaRejects& rejects) {
  if (!known_ || lsa.epoch != epoch_ || lsa.seq > seq_ + 1 || lsa.path != path_) {
    return {.what = Change::What::kAskFull};
  }
  if (lsa.seq <= seq_) {
    count(rejects, LsaReject::kStale);
    return {};
  }
  Change change{.what = Change::What::kDelta};
  for (const NodeId& id : lsa.down) {
    if (erase(id)) {
      change.down.push_back(id);
    } else if (left_out_ > 0) {
      --left_out_;
    }
  }
  for (LsaNode& node : lsa.up) {
    const bool replaces = nodes_.contains(node.id);
    if (!acceptable(node, rejects)) {
      ++left_out_;
    } else if (!replaces && nodes_.size() >= kHiveNodesMax) {
      ++left_out_;
      count(rejects, LsaReject::kOverLimit);
    } else if (insert(node)) {
      if (replaces) change.down.push_back(node.id);
      change.up.push_back(std::move(node));
    }
  }
  seq_ = lsa.seq;
  return change;
}

// Where something was left out the sums cannot agree; the unbroken seq must do.
Topology::Change Topology::apply_digest(const Lsa& lsa) {
  const bool same_place = known_ && lsa.epoch == epoch_ && lsa.seq == seq_ && lsa.path == path_;
  const bool same = left_out_ > 0 || lsa.digest == LsaDigest{nodes_.size(), hash_};
  if (same_place && same) return {};
  return {.what = Change::What::kAskFull};
}

std::vector<Lsa> Topology::set_own(std::vector<LsaNode> up, const std::vector<NodeId>& down) {
  Lsa delta{.kind = Lsa::Kind::kDelta, .hive = hive_, .epoch = epoch_, .seq = seq_ + 1};
  delta.path = path_;
  left_out_ = 0;  // whoever is not in yet is in `up` each time
  for (const NodeId& id : down) {
    if (erase(id)) delta.down.push_back(id);
  }
  for (LsaNode& node : up) {
    const bool replaces = nodes_.contains(node.id);
    if (!replaces && nodes_.size() >= kHiveNodesMax) {
      ++left_out_;
    } else if (insert(node)) {
      if (replaces && std::ranges::find(delta.down, node.id) == delta.down.end())
        delta.down.push_back(node.id);
      delta.up.push_back(std::move(node));
    }
  }
  known_ = true;
  if (delta.up.empty() && delta.down.empty()) return {};
  std::vector<Lsa> pieces = cut_lsa(std::move(delta));
  seq_ = pieces.back().seq;
  return pieces;
}

bool Topology::set_own_routes(std::vector<LsaRoute> routes) {
  if (routes_ == routes) return false;
  routes_ = std::move(routes);
  ++seq_;
  return true;
}

Lsa Topology::full() const {
  Lsa lsa{.kind = Lsa::Kind::kFull, .hive = hive_, .epoch = epoch_, .seq = seq_};
  lsa.path = path_;
  lsa.routes = routes_;
  lsa.up.reserve(nodes_.size());
  for (const auto& [id, node] : nodes_) lsa.up.push_back(node);
  return lsa;
}

Lsa Topology::digest() const {
  Lsa lsa{.kind = Lsa::Kind::kDigest, .hive = hive_, .epoch = epoch_, .seq = seq_};
  lsa.path = path_;
  lsa.digest = {nodes_.size(), hash_};
  return lsa;
}

const LsaNode* Topology::find(const NodeId& id) const {
  const auto at = nodes_.find(id);
  return at == nodes_.end() ? nullptr : &at->second;
}

}  // namespace skep::fabric
