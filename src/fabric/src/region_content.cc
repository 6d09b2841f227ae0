#include <array>

#include "bytes_io.h"
#include "skep/fabric/region.h"

namespace skep::fabric {

namespace {

// The first byte of each content: another order of fields gets another number.
constexpr std::uint8_t kNodesFormat = 5, kConfigFormat = 4, kLsaFormat = 6;
constexpr std::size_t kNodeBytesMin = 16 + 2 + 5 + 1 + 2 + 1 + 8 + 4;

void put_id(BytesOut& out, const NodeId& id) {
  out.raw({reinterpret_cast<const char*>(id.uuid.bytes.data()), id.uuid.bytes.size()});
}
NodeId get_id(BytesIn& in) {
  NodeId id;
  const std::string_view bytes = in.raw(id.uuid.bytes.size());
  if (in.ok()) std::copy(bytes.begin(), bytes.end(), id.uuid.bytes.begin());
  return id;
}

// A valid name in any case; not ok when it was none.
Name get_name(BytesIn& in) {
  const std::string_view text = in.text();
  Result<Name> name = Name::parse(text);
  if (name && name->str() == text) return *std::move(name);
  in.fail();
  return Name::from_label(NodeType::kRouter, "x", "x");
}

template <class E>
E get_choice(BytesIn& in, E last) {
  const std::uint8_t value = in.u8();
  if (value > static_cast<std::uint8_t>(last)) in.fail();
  return in.ok() ? static_cast<E>(value) : E{};
}

void put(BytesOut& out, const NodeAt& node) {
  put_id(out, node.id);
  out.text(node.name.str());
  out.u8(node.zone ? 1 : 0);
  out.u32(node.zone.value_or(0));
  out.u8(static_cast<std::uint8_t>(node.where));
  out.text(node.hive);
  out.u8(node.path);
  out.u64(node.since);
  out.u32(node.pid);
}
NodeAt get_node(BytesIn& in) {
  const NodeId id = get_id(in);
  NodeAt node{.id = id, .name = get_name(in)};
  const bool zoned = in.boolean();
  const std::uint32_t zone = in.u32();
  if (zoned) node.zone = zone;
  if (!zoned && zone != 0) in.fail();
  node.where = get_choice(in, NodeAt::Where::kHive);
  node.hive = in.text();
  node.path = in.u8();
  node.since = in.u64();
  node.pid = in.u32();
  return node;
}

void put(BytesOut& out, const std::vector<NodeAt>& nodes) {
  out.u32(static_cast<std::uint32_t>(nodes.size()));
  for (const NodeAt& node : nodes) put(out, node);
}
std::vector<NodeAt> get_nodes(BytesIn& in) {
  std::vector<NodeAt> nodes;
  const std::uint32_t count = in.count(kNodeBytesMin);
  nodes.reserve(count);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) nodes.push_back(get_node(in));
  return nodes;
}

void put(BytesOut& out, const Pattern& pattern) {
  out.text(pattern.text);
  out.u8(static_cast<std::uint8_t>(pattern.match));
}
Pattern get_pattern(BytesIn& in) {
  std::string text(in.text());
  return {std::move(text), get_choice(in, Match::kGlob)};
}

void put(BytesOut& out, const Rules& rules) {
  out.u32(static_cast<std::uint32_t>(rules.routes.size()));
  for (const StaticRoute& route : rules.routes) {
    put(out, route.pattern);
    out.u8(static_cast<std::uint8_t>(route.action));
    out.text(route.to);
    out.u16(route.priority);
    out.u32(route.metric);
  }
  out.u32(static_cast<std::uint32_t>(rules.zones.size()));
  for (const ZoneRule& rule : rules.zones) {
    put(out, rule.pattern);
    out.u32(rule.zone);
    out.u16(rule.priority);
  }
}
Rules get_rules(BytesIn& in) {
  Rules rules;
  for (std::uint32_t left = in.count(12); left > 0 && in.ok(); --left) {
    StaticRoute& route = rules.routes.emplace_back();
    route.pattern = get_pattern(in);
    route.action = get_choice(in, StaticRoute::Action::kFallback);
    route.to = in.text();
    route.priority = in.u16();
    route.metric = in.u32();
  }
  for (std::uint32_t left = in.count(9); left > 0 && in.ok(); --left) {
    ZoneRule& rule = rules.zones.emplace_back();
    rule.pattern = get_pattern(in);
    rule.zone = in.u32();
    rule.priority = in.u16();
  }
  return rules;
}

void put(BytesOut& out, const LsaRegion::Hive& hive) {
  out.text(hive.hive);
  out.text(hive.gateway);
  out.u32(static_cast<std::uint32_t>(hive.path.size()));
  for (const std::string& step : hive.path) out.text(step);
  out.u64(hive.epoch);
  out.u64(hive.seq);
  out.u64(hive.left_out);
  out.u64(static_cast<std::uint64_t>(hive.heard_at.time_since_epoch().count()));
  out.u8(hive.up ? 1 : 0);
  put(out, hive.nodes);
  out.u32(static_cast<std::uint32_t>(hive.routes.size()));
  for (const HiveRoute& route : hive.routes) {
    put(out, route.pattern);
    out.u32(route.metric);
    out.text(route.hive);
  }
}
LsaRegion::Hive get_hive(BytesIn& in) {
  LsaRegion::Hive hive;
  hive.hive = in.text();
  hive.gateway = in.text();
  for (std::uint32_t left = in.count(2); left > 0 && in.ok(); --left)
    hive.path.emplace_back(in.text());
  hive.epoch = in.u64();
  hive.seq = in.u64();
  hive.left_out = in.u64();
  hive.heard_at = WallTime(Millis(static_cast<std::int64_t>(in.u64())));
  hive.up = in.boolean();
  hive.nodes = get_nodes(in);
  for (std::uint32_t left = in.count(9); left > 0 && in.ok(); --left) {
    HiveRoute& route = hive.routes.emplace_back();
    route.pattern = get_pattern(in);
    route.metric = in.u32();
    route.hive = in.text();
  }
  return hive;
}

void expect_format(BytesIn& in, std::uint8_t format) {
  if (in.u8() != format) in.fail();
}
template <class T>
Result<T> finish(const BytesIn& in, T value) {
  if (!in.at_end()) return fail(Code::kCorrupt, "the region's content is broken");
  return value;
}

}  // namespace

std::string encode(const NodesRegion& region) {
  BytesOut out;
  out.u8(kNodesFormat);
  put_id(out, region.router);
  out.text(region.router_name.str());
  out.u8(region.gateway ? 1 : 0);
  put(out, region.nodes);
  out.u32(static_cast<std::uint32_t>(region.counters.size()));
  for (const auto& [name, value] : region.counters) {
    out.text(name);
    out.u64(value);
  }
  return std::move(out).take();
}

std::string encode(const ConfigRegion& region) {
  BytesOut out;
  out.u8(kConfigFormat);
  out.u64(region.routes_version);
  out.u64(region.zones_version);
  out.text(region.routes_origin);
  out.text(region.zones_origin);
  put(out, region.rules);
  return std::move(out).take();
}

std::string encode(const LsaRegion& region) {
  BytesOut out;
  out.u8(kLsaFormat);
  out.u32(static_cast<std::uint32_t>(region.hives.size()));
  for (const LsaRegion::Hive& hive : region.hives) put(out, hive);
  return std::move(out).take();
}

Result<NodesRegion> decode_nodes(std::string_view content) {
  BytesIn in(content);
  expect_format(in, kNodesFormat);
  const NodeId router = get_id(in);
  NodesRegion region{.router = router, .router_name = get_name(in)};
  region.gateway = in.boolean();
  region.nodes = get_nodes(in);
  for (std::uint32_t left = in.count(10); left > 0 && in.ok(); --left) {
    std::string name(in.text());
    region.counters.emplace_back(std::move(name), in.u64());
  }
  return finish(in, std::move(region));
}

Result<ConfigRegion> decode_config(std::string_view content) {
  BytesIn in(content);
  expect_format(in, kConfigFormat);
  ConfigRegion region;
  region.routes_version = in.u64();
  region.zones_version = in.u64();
  region.routes_origin = in.text();
  region.zones_origin = in.text();
  region.rules = get_rules(in);
  return finish(in, std::move(region));
}

Result<LsaRegion> decode_lsa(std::string_view content) {
  BytesIn in(content);
  expect_format(in, kLsaFormat);
  LsaRegion region;
  for (std::uint32_t left = in.count(2); left > 0 && in.ok(); --left)
    region.hives.push_back(get_hive(in));
  return finish(in, std::move(region));
}

}  // namespace skep::fabric
