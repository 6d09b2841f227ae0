// What people are shown of other hives.
#include "gateway_impl.h"
#include "skep/fabric/publish.h"

namespace skep::fabric {

void GatewayImpl::describe(HiveStatus& status, const Neighbour& way) const {
  const auto at = way.learned.find(status.hive);
  if (at == way.learned.end()) return;
  status.path = at->second.path();
  status.nodes = at->second.nodes().size();
  status.left_out = at->second.left_out();
  status.epoch = at->second.epoch();
  status.seq = at->second.seq();
}

std::vector<HiveStatus> GatewayImpl::hives() const {
  std::vector<HiveStatus> all;
  for (const auto& [hive, session] : sessions_) {
    HiveStatus status{.hive = hive,
                      .gateway = session->theirs().router_name,
                      .address = session->peer(),
                      .heard_ago = session->heard_ago()};
    status.state = status.heard_ago > 2 * config_.hello_interval ? "silent" : "up";
    describe(status, session->neighbour);
    LsaRejects total = session->neighbour.rejects;
    if (const auto before = rejects_.find(hive); before != rejects_.end()) {
      for (std::size_t i = 0; i < total.size(); ++i) total.at(i) += before->second.at(i);
    }
    for (std::size_t i = 0; i < total.size(); ++i) {
      if (total.at(i) == 0) continue;
      status.rejected += total.at(i);
      status.reject_reasons[std::string(reject_reason(static_cast<LsaReject>(i)))] = total.at(i);
    }
    all.push_back(std::move(status));
  }
  for (const auto& [hive, way] : reach_.ways()) {
    if (sessions_.contains(hive)) continue;
    HiveStatus status{.hive = hive, .state = "by " + way->hive};
    describe(status, *way);
    all.push_back(std::move(status));
  }
  for (const auto& uplink : uplinks_) {
    if (sessions_.contains(uplink->hive)) continue;
    all.push_back({.hive = uplink->hive, .address = uplink->address, .state = uplink->state});
  }
  return all;
}

LsaRegion lsa_region_of(const Gateway& gateway, Router& router) {
  LsaRegion region;
  const WallTime now = Clock::system().now();
  for (HiveStatus& status : gateway.hives()) {
    if (status.hive.empty()) continue;  // an uplink that has not said yet who it is
    const bool up = status.state == "up" || status.state.starts_with("by ");
    region.hives.push_back({.hive = std::move(status.hive),
                            .gateway = std::move(status.gateway),
                            .path = std::move(status.path),
                            .epoch = status.epoch,
                            .seq = status.seq,
                            .left_out = status.left_out,
                            .heard_at = now - status.heard_ago,
                            .up = up});
  }
  router.core().table().each(NodeAt::Where::kHive, [&region](const NodeAt& node) {
    auto hive = std::ranges::find(region.hives, node.hive, &LsaRegion::Hive::hive);
    if (hive == region.hives.end()) return;
    hive->nodes.push_back(node);
    hive->nodes.back().exit = nullptr;
  });
  return region;
}

}  // namespace skep::fabric
