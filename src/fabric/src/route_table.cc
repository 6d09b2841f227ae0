#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "glob.h"
#include "name_table.h"
#include "rendezvous.h"
#include "skep/fabric/routes.h"
#include "table_parts.h"

namespace skep::fabric {

namespace {

constexpr int kRedirectsMax = 4;
constexpr std::string_view kAnyHive = "@*";

std::string_view hive_part(std::string_view name) {
  const std::size_t at = name.find('@');
  return at == std::string_view::npos ? std::string_view() : name.substr(at + 1);
}
std::string_view base_part(std::string_view name) { return name.substr(0, name.find('@')); }

std::uint64_t random_seed() {
  const std::string bytes = random_bytes(8);
  return load_little(bytes.data(), bytes.size());
}

}  // namespace

struct RouteTable::Impl {
  explicit Impl(std::string hive) : own_hive(std::move(hive)) {}

  std::string own_hive;
  Rules rules;
  StaticRoutes static_routes{rules.routes};
  Zones zones{rules.zones};
  HiveRoutes hive_routes;
  // The entries, by where they are, each list in order of arrival.
  std::array<std::list<TableEntry>, 3> entries;
  std::unordered_map<NodeId, std::list<TableEntry>::iterator> by_id;
  NameTable by_name{random_seed()};
  std::map<std::string, std::size_t, std::less<>> hives;  // with how many nodes of their names
  std::unordered_map<void*, TableEntry*> by_exit;
  std::size_t (*queue)(void* exit) = nullptr;
  std::uint64_t arrivals = 0;
  std::atomic<std::uint64_t> version = 0;
  std::mutex changing;  // changes against picture(); asking takes no part

  std::list<TableEntry>& list(NodeAt::Where where) {
    return entries[static_cast<std::size_t>(where)];
  }
  void count_hive(const Name& name, int more);
  void join_exit(TableEntry& entry);
  void leave_exit(const TableEntry& entry);
  void remove(const NodeId& id);

  [[nodiscard]] bool to_us(const StaticRoute& route) const {
    return route.to.starts_with('@') && std::string_view(route.to).substr(1) == own_hive;
  }
  // The way of a name. Each of these decides (true), or leaves it to the next row.
  Decision follow(std::string_view name, const Asker& asker) const;
  bool by_override(std::string_view name, Decision& d) const;
  bool by_node(const Chooser& chooser, Decision& d) const;
  bool by_hive_route(const HiveRoute* route, Decision& d) const;
  void by_fallback(std::string_view name, Decision& d) const;
  void one_name(std::string_view name, const Asker& asker, Decision& d) const;
  void any_hive(std::string_view base, const Asker& asker, Decision& d) const;
  Chooser in_hive(std::string_view base, std::string_view hive, const Asker& asker) const;
  Chooser elsewhere(std::string_view base, const Asker& asker) const;
};

void RouteTable::Impl::count_hive(const Name& name, int more) {
  auto hive = hives.find(name.hive());
  if (hive == hives.end()) hive = hives.emplace(std::string(name.hive()), 0).first;
  hive->second += static_cast<std::size_t>(more);
  if (hive->second == 0) hives.erase(hive);
}

void RouteTable::Impl::join_exit(TableEntry& entry) {
  if (entry.at.exit == nullptr) return;
  TableEntry*& first = by_exit[entry.at.exit];
  entry.exit_after = first;
  if (first != nullptr) first->exit_before = &entry;
  first = &entry;
}

void RouteTable::Impl::leave_exit(const TableEntry& entry) {
  if (entry.at.exit == nullptr) return;
  if (entry.exit_after != nullptr) entry.exit_after->exit_before = entry.exit_before;
  if (entry.exit_before != nullptr) {
    entry.exit_before->exit_after = entry.exit_after;
  } else if (entry.exit_after != nullptr) {
    by_exit[entry.at.exit] = entry.exit_after;
  } else {
    by_exit.erase(entry.at.exit);
  }
}

void RouteTable::Impl::remove(const NodeId& id) {
  auto found = by_id.find(id);
  if (found == by_id.end()) return;
  auto entry = found->second;
  leave_exit(*entry);
  by_name.remove(*entry);
  count_hive(entry->at.name, -1);
  by_id.erase(found);
  list(entry->at.where).erase(entry);
  ++version;
}

// Row 1, then where the route leads.
bool RouteTable::Impl::by_override(std::string_view name, Decision& d) const {
  const StaticRoute* route = static_routes.override_for(name);
  if (route == nullptr || to_us(*route)) return false;
  d.by = route;
  if (route->action == StaticRoute::Action::kDrop) d.what = Decision::What::kDrop;
  return true;
}

bool RouteTable::Impl::by_node(const Chooser& chooser, Decision& d) const {
  if (chooser.blocked()) d.what = Decision::What::kBlocked;
  if (chooser.best() != nullptr) {
    d.what = Decision::What::kNode;
    d.node = chooser.best();
  }
  return d.what != Decision::What::kNone;
}

bool RouteTable::Impl::by_hive_route(const HiveRoute* route, Decision& d) const {
  if (route == nullptr) return false;
  d.what = Decision::What::kToHive;
  d.hive = route->hive;
  d.exit = route->exit;
  return true;
}

void RouteTable::Impl::by_fallback(std::string_view name, Decision& d) const {
  const StaticRoute* route = static_routes.fallback_for(name);
  if (route != nullptr && !to_us(*route)) d.by = route;
}

void RouteTable::Impl::one_name(std::string_view name, const Asker& asker, Decision& d) const {
  if (by_override(name, d)) return;
  Chooser chooser(asker, queue);
  by_name.each(name, [&](const Member& member) { chooser.consider(member); });
  if (by_node(chooser, d)) return;
  const bool ours = hive_part(name) == own_hive;
  if (!ours && by_hive_route(hive_routes.best(name), d)) return;
  by_fallback(name, d);
}

// "base@*": what the sender's hive has comes first. Routes are asked about the name as it would be
// there, and about the name of the node that was found.
void RouteTable::Impl::any_hive(std::string_view base, const Asker& asker, Decision& d) const {
  const ComposedName near(base, asker.hive);
  if (by_override(near.str(), d)) return;
  if (by_node(in_hive(base, asker.hive, asker), d) || by_node(elsewhere(base, asker), d)) {
    Decision override;
    if (d.node != nullptr && by_override(d.node->name.str(), override)) d = override;
    return;
  }
  if (by_hive_route(hive_routes.best_anywhere(base), d)) return;
  by_fallback(near.str(), d);
}

Chooser RouteTable::Impl::in_hive(std::string_view base, std::string_view hive,
                                  const Asker& asker) const {
  Chooser chooser(asker, queue);
  if (!base.contains('*')) {
    by_name.each(ComposedName(base, hive).str(),
                 [&](const Member& member) { chooser.consider(member); });
    return chooser;
  }
  for (const auto& where : entries) {
    for (const TableEntry& entry : where) {
      if (entry.at.name.hive() == hive && glob_matches(base, entry.at.name.base()))
        chooser.consider(NameTable::member(entry));
    }
  }
  return chooser;
}

Chooser RouteTable::Impl::elsewhere(std::string_view base, const Asker& asker) const {
  Chooser chooser(asker, queue);
  if (!base.contains('*')) {
    for (const auto& [hive, nodes] : hives) {
      if (hive == asker.hive) continue;
      by_name.each(ComposedName(base, hive).str(),
                   [&](const Member& member) { chooser.consider(member); });
    }
    return chooser;
  }
  for (const auto& where : entries) {
    for (const TableEntry& entry : where) {
      if (entry.at.name.hive() != asker.hive && glob_matches(base, entry.at.name.base()))
        chooser.consider(NameTable::member(entry));
    }
  }
  return chooser;
}

Decision RouteTable::Impl::follow(std::string_view name, const Asker& asker) const {
  const StaticRoute* by = nullptr;  // what led to `name`
  for (int redirects = 0; redirects <= kRedirectsMax; ++redirects) {
    Decision d;
    const bool anywhere = name.ends_with(kAnyHive);
    if (anywhere) any_hive(base_part(name), asker, d);
    if (!anywhere && name.contains('@')) one_name(name, asker, d);
    if (d.what == Decision::What::kNone && d.by != nullptr && !d.by->to.starts_with('@')) {
      by = d.by;
      name = by->to;
      continue;
    }
    if (d.what == Decision::What::kNone && d.by != nullptr) {
      d.what = Decision::What::kToHive;
      d.hive = std::string_view(d.by->to).substr(1);
    }
    const bool goes = d.what == Decision::What::kNode || d.what == Decision::What::kToHive;
    if (by != nullptr && goes) d.redirected_name = name;
    if (d.by == nullptr && goes) d.by = by;
    return d;
  }
  return {};
}

RouteTable::RouteTable(std::string hive) : impl_(std::make_unique<Impl>(std::move(hive))) {}
RouteTable::~RouteTable() = default;

Result<const NodeAt*> RouteTable::add(NodeAt node) {
  std::scoped_lock lock(impl_->changing);
  if (impl_->by_id.contains(node.id)) {
    return fail(Code::kExists, fmt::format("node {} is in the table already", node.id.uuid.str()));
  }
  if (node.since == 0) node.since = ++impl_->arrivals;
  if (node.where == NodeAt::Where::kHere) node.zone = impl_->zones.of(node.name);
  auto& list = impl_->list(node.where);
  TableEntry& entry = list.emplace_back(TableEntry{.at = std::move(node)});
  entry.key = node_key(entry.at.id);
  impl_->by_id.emplace(entry.at.id, std::prev(list.end()));
  impl_->by_name.add(entry);
  impl_->count_hive(entry.at.name, 1);
  impl_->join_exit(entry);
  ++impl_->version;
  return &entry.at;
}

void RouteTable::remove(const NodeId& id) {
  std::scoped_lock lock(impl_->changing);
  impl_->remove(NodeId(id));
}

void RouteTable::remove_exit(void* exit) {
  if (exit == nullptr) return;
  std::scoped_lock lock(impl_->changing);
  for (auto at = impl_->by_exit.find(exit); at != impl_->by_exit.end();
       at = impl_->by_exit.find(exit)) {
    impl_->remove(NodeId(at->second->at.id));
  }
  if (impl_->hive_routes.remove_exit(exit)) ++impl_->version;
}

std::vector<const NodeAt*> RouteTable::set_rules(Rules rules) {
  std::scoped_lock lock(impl_->changing);
  impl_->rules = std::move(rules);
  impl_->static_routes = StaticRoutes(impl_->rules.routes);
  impl_->zones = Zones(impl_->rules.zones);
  ++impl_->version;
  std::vector<const NodeAt*> changed;
  for (TableEntry& entry : impl_->list(NodeAt::Where::kHere)) {
    const auto zone = impl_->zones.of(entry.at.name);
    if (zone == entry.at.zone) continue;
    entry.at.zone = zone;
    impl_->by_name.set_zone(entry, zone.value_or(0));
    changed.push_back(&entry.at);
  }
  return changed;
}

const Rules& RouteTable::rules() const { return impl_->rules; }

void RouteTable::set_hive_routes(std::string_view hive, std::vector<HiveRoute> routes) {
  std::scoped_lock lock(impl_->changing);
  impl_->hive_routes.set(hive, std::move(routes));
  ++impl_->version;
}

Decision RouteTable::ask(std::string_view name, const Asker& asker) const {
  return impl_->follow(name, asker);
}

void RouteTable::set_queue_length(std::size_t (*queue)(void* exit)) { impl_->queue = queue; }

const NodeAt* RouteTable::find(const NodeId& id) const {
  auto found = impl_->by_id.find(id);
  return found == impl_->by_id.end() ? nullptr : &found->second->at;
}

const StaticRoute* RouteTable::dropped(const NodeAt& node) const {
  const StaticRoute* route = impl_->static_routes.override_for(node.name.str());
  return route != nullptr && route->action == StaticRoute::Action::kDrop ? route : nullptr;
}

std::size_t RouteTable::size() const { return impl_->by_id.size(); }
std::uint64_t RouteTable::version() const { return impl_->version; }

RouteTable::Picture RouteTable::picture() const {
  std::scoped_lock lock(impl_->changing);
  Picture now{.version = impl_->version, .routes = impl_->rules.routes, .nodes = {}};
  now.nodes.reserve(impl_->by_id.size());
  for (const auto& where : impl_->entries) {
    for (const TableEntry& entry : where) now.nodes.push_back(entry.at);
  }
  return now;
}

void RouteTable::each(NodeAt::Where where, const std::function<void(const NodeAt&)>& visit) const {
  for (const TableEntry& entry : impl_->list(where)) visit(entry.at);
}

}  // namespace skep::fabric
