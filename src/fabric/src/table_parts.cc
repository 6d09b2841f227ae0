#include "table_parts.h"

#include <algorithm>
#include <tuple>

#include "rendezvous.h"

namespace skep::fabric {

namespace {

int kind_rank(Match match) { return static_cast<int>(match); }  // exact, prefix, glob

// The order within a row that does not depend on the name: all of it.
auto order_of(const StaticRoute& route) {
  return std::tuple(SIZE_MAX - pattern_length(route.pattern), kind_rank(route.pattern.match),
                    route.priority, route.metric);
}
auto order_of(const HiveRoute& route) {
  return std::tuple(SIZE_MAX - pattern_length(route.pattern), kind_rank(route.pattern.match),
                    route.metric);
}

template <class Route>
void sort_routes(std::vector<const Route*>& routes) {
  std::ranges::stable_sort(
      routes, [](const Route* a, const Route* b) { return order_of(*a) < order_of(*b); });
}

bool in_no_zone(const Name& name) {
  return name.type() == NodeType::kSystem || name.type() == NodeType::kRouter;
}

}  // namespace

void Chooser::consider(const Member& member) {
  if (!may_talk(member)) {
    blocked_ = true;
    return;
  }
  if (best_ == nullptr) {
    first_ = member;
    best_ = &member.entry->at;
    return;
  }
  if (first_.entry != nullptr) best_rank_ = rank(std::exchange(first_, {}));
  const Rank other = rank(member);
  if (other > best_rank_ || (other == best_rank_ && member.entry->at.id > best_->id)) return;
  best_rank_ = other;
  best_ = &member.entry->at;
}

Chooser::Rank Chooser::rank(const Member& member) const {
  const NodeAt& node = member.entry->at;
  const bool threaded = this->threaded();
  const std::uint64_t against =
      threaded ? UINT64_MAX - rendezvous_score(thread(), member.entry->key) : 0;
  const std::uint64_t since = threaded ? 0 : node.since;
  if (member.foreign) return {2u + node.path, against, since};
  if (threaded) return {0, against, 0};
  if (node.where == NodeAt::Where::kPeer) return {1, 0, since};
  return {0, queue_ != nullptr ? queue_(node.exit) : 0, since};
}

bool Chooser::threaded() const {
  if (std::exchange(thread_known_, true)) return threaded_;
  std::string_view text = asker_.thread;
  if (text.empty() && asker_.find_thread != nullptr) text = asker_.find_thread(asker_.message);
  threaded_ = !text.empty();
  if (threaded_) thread_ = thread_key(text);
  return threaded_;
}

StaticRoutes::StaticRoutes(const std::vector<StaticRoute>& routes) {
  for (const StaticRoute& route : routes) ordered_.push_back(&route);
  sort_routes(ordered_);
  for (std::uint32_t rank = 0; rank < ordered_.size(); ++rank) {
    const StaticRoute& route = *ordered_[rank];
    PatternIndex& index = route.action == StaticRoute::Action::kFallback ? fallbacks_ : overrides_;
    index.add(route.pattern, rank);
  }
}

Zones::Zones(const std::vector<ZoneRule>& rules) {
  std::vector<const ZoneRule*> ordered;
  for (const ZoneRule& rule : rules) ordered.push_back(&rule);
  std::ranges::stable_sort(ordered, {}, &ZoneRule::priority);
  for (std::uint32_t rank = 0; rank < ordered.size(); ++rank) {
    index_.add(ordered[rank]->pattern, rank);
    zone_.push_back(ordered[rank]->zone);
  }
}

std::optional<std::uint32_t> Zones::of(const Name& name) const {
  if (in_no_zone(name)) return std::nullopt;
  const std::uint32_t rank = index_.best(name.str());
  return rank == PatternIndex::kNone ? 0 : zone_[rank];
}

std::optional<std::uint32_t> zone_of(const std::vector<ZoneRule>& rules, const Name& name) {
  return Zones(rules).of(name);
}

// A hive keeps its place among the others when it tells its routes anew.
void HiveRoutes::set(std::string_view hive, std::vector<HiveRoute> routes) {
  const auto of_hive = [&](const HiveRoute& route) { return route.hive == hive; };
  auto place = std::ranges::find_if(routes_, of_hive);
  while (place != routes_.end() && of_hive(*place)) place = routes_.erase(place);
  for (HiveRoute& route : routes) routes_.insert(place, std::move(route));
  index();
}

bool HiveRoutes::remove_exit(void* exit) {
  const bool any =
      routes_.remove_if([&](const HiveRoute& route) { return route.exit == exit; }) > 0;
  if (any) index();
  return any;
}

void HiveRoutes::index() {
  ordered_.clear();
  index_ = {};
  for (const HiveRoute& route : routes_) ordered_.push_back(&route);
  sort_routes(ordered_);
  for (std::uint32_t rank = 0; rank < ordered_.size(); ++rank) {
    index_.add(ordered_[rank]->pattern, rank);
  }
}

const HiveRoute* HiveRoutes::best(std::string_view name) const {
  const std::uint32_t rank = index_.best(name);
  return rank == PatternIndex::kNone ? nullptr : ordered_[rank];
}

const HiveRoute* HiveRoutes::best_anywhere(std::string_view base) const {
  auto found = std::ranges::find_if(ordered_, [&](const HiveRoute* route) {
    return route->pattern.matches(ComposedName(base, route->hive).str());
  });
  return found == ordered_.end() ? nullptr : *found;
}

ComposedName::ComposedName(std::string_view base, std::string_view hive) {
  if (base.size() + 1 + hive.size() > text_.size()) return;
  char* end = std::ranges::copy(base, text_.data()).out;
  *end++ = '@';
  end = std::ranges::copy(hive, end).out;
  size_ = static_cast<std::size_t>(end - text_.data());
}

}  // namespace skep::fabric
