#include "lsa.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "skep/base/json.h"

namespace skep::fabric {
namespace {

constexpr auto kKinds = std::to_array<std::string_view>({"full", "delta", "digest", "gone"});
constexpr auto kMatches = std::to_array<std::string_view>({"EXACT", "PREFIX", "GLOB"});
constexpr std::size_t kDepthMax = 6;
constexpr std::size_t kTextBytesMax = 256;  // of a name, pattern or hive
constexpr std::size_t kUuidBytes = 39;      // quotes and comma included

std::unexpected<Error> bad(std::string_view member) {
  return fail(Code::kInvalid, fmt::format("advertisement: bad {}", member));
}

Result<std::uint64_t> number(const json::value& value, std::string_view key, std::uint64_t max) {
  const json::value* member = get_member(value, key);
  if (member == nullptr) return 0;
  if (const auto* got = member->if_uint64(); got != nullptr && *got <= max) return *got;
  const auto* got = member->if_int64();
  if (got == nullptr || *got < 0 || static_cast<std::uint64_t>(*got) > max) return bad(key);
  return static_cast<std::uint64_t>(*got);
}

Result<std::string> short_text(const json::value& value, std::string_view key) {
  const std::string_view text = get_string(value, key);
  if (text.empty() || text.size() > kTextBytesMax) return bad(key);
  return std::string(text);
}

Result<NodeId> node_id(std::string_view text) {
  auto uuid = Uuid::parse(text);
  if (!uuid) return bad("uuid");
  return NodeId{*uuid};
}

Result<LsaNode> read_node(const json::value& value) {
  SKEP_TRY(NodeId id, node_id(get_string(value, "uuid")));
  SKEP_TRY(std::string name, short_text(value, "name"));
  SKEP_TRY(const auto zone, number(value, "vpn_id", std::numeric_limits<std::uint32_t>::max()));
  return LsaNode{id, std::move(name), static_cast<std::uint32_t>(zone)};
}

Result<LsaRoute> read_route(const json::value& value) {
  LsaRoute route;
  SKEP_TRY(route.pattern.text, short_text(value, "prefix"));
  const auto* kind = std::ranges::find(kMatches, get_string(value, "match_kind"));
  if (kind == kMatches.end()) return bad("match_kind");
  route.pattern.match = static_cast<Match>(kind - kMatches.begin());
  SKEP_TRY(const auto metric, number(value, "metric", std::numeric_limits<std::uint32_t>::max()));
  route.metric = static_cast<std::uint32_t>(metric);
  const std::string_view action = get_string(value, "action");
  if (action != "FORWARD" && action != "DROP") return bad("action");
  route.drop = action == "DROP";
  return route;
}

Result<std::string> read_hive(const json::value& value) {
  const auto* text = value.if_string();
  if (text == nullptr || text->empty() || text->size() > kTextBytesMax) return bad("path");
  return std::string(*text);
}
Result<NodeId> read_down(const json::value& value) {
  const auto* text = value.if_string();
  return text == nullptr ? bad("down") : node_id(*text);
}

template <class T>
Result<std::vector<T>> read_list(const json::value& value, std::string_view key,
                                 Result<T> (*read)(const json::value&), std::size_t items_max) {
  std::vector<T> items;
  const json::value* member = get_member(value, key);
  if (member == nullptr) return items;
  const json::array* list = member->if_array();
  if (list == nullptr || list->size() > items_max) return bad(key);
  items.reserve(list->size());
  for (const json::value& item : *list) {
    SKEP_TRY(T got, read(item));
    items.push_back(std::move(got));
  }
  return items;
}

Result<void> read_head(const json::value& value, Lsa& lsa) {
  constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  const auto* kind = std::ranges::find(kKinds, get_string(value, "kind"));
  if (kind == kKinds.end()) return bad("kind");
  lsa.kind = static_cast<Lsa::Kind>(kind - kKinds.begin());
  SKEP_TRY(lsa.hive, short_text(value, "hive"));
  SKEP_TRY(lsa.epoch, number(value, "epoch", kAny));
  SKEP_TRY(lsa.seq, number(value, "seq", kAny));
  if (lsa.kind == Lsa::Kind::kFull) {
    SKEP_TRY(const auto part, number(value, "part", kLsaPartsMax));
    SKEP_TRY(const auto parts, number(value, "parts", kLsaPartsMax));
    if (part < 1 || part > parts) return bad("part");
    lsa.part = static_cast<std::uint32_t>(part);
    lsa.parts = static_cast<std::uint32_t>(parts);
  }
  SKEP_TRY(lsa.path, read_list(value, "path", read_hive, kLsaPathMax));
  if (lsa.path.empty()) return bad("path");
  return {};
}

void append_node(std::string& out, const LsaNode& node) {
  out += R"({"uuid":")";
  out += node.id.uuid.str();
  out += R"(","name":)";
  append_json_string(out, node.name);
  out += fmt::format(R"(,"vpn_id":{}}})", node.zone);
}

void append_route(std::string& out, const LsaRoute& route) {
  out += R"({"prefix":)";
  append_json_string(out, route.pattern.text);
  out += fmt::format(R"(,"match_kind":"{}","action":"{}","metric":{}}})",
                     kMatches.at(static_cast<std::size_t>(route.pattern.match)),
                     route.drop ? "DROP" : "FORWARD", route.metric);
}
void append_down(std::string& out, const NodeId& id) { out += '"' + id.uuid.str() + '"'; }
void append_hive(std::string& out, const std::string& hive) { append_json_string(out, hive); }

template <class T>
void append_list(std::string& out, std::string_view key, const std::vector<T>& items,
                 void (*append)(std::string&, const T&)) {
  out += fmt::format(",\"{}\":[", key);
  for (const T& item : items) {
    append(out, item);
    out += ',';
  }
  if (!items.empty()) out.pop_back();
  out += ']';
}

template <class T>
std::size_t bytes_of(const T& item, void (*append)(std::string&, const T&)) {
  std::string text;
  append(text, item);
  return text.size() + 1;
}

// Collects pieces, each of a size that fits one payload.
struct Cutter {
  const Lsa& head;
  std::vector<Lsa> pieces;
  std::size_t room = 0;

  Lsa& piece(std::size_t bytes) {
    if (pieces.empty() || bytes > room) {
      Lsa next;
      next.kind = head.kind;
      next.hive = head.hive;
      next.epoch = head.epoch;
      next.seq = head.seq + (head.kind == Lsa::Kind::kDelta ? pieces.size() : 0);
      next.path = head.path;
      next.digest = head.digest;
      pieces.push_back(std::move(next));
      room = kLsaBodyBytes;
    }
    room -= std::min(room, bytes);
    return pieces.back();
  }
};

}  // namespace

std::uint64_t hash_of(const LsaNode& node) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto eat = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const std::uint8_t byte : node.id.uuid.bytes) eat(byte);
  for (const char c : node.name) eat(static_cast<std::uint8_t>(c));
  for (int shift = 0; shift < 32; shift += 8) eat(static_cast<std::uint8_t>(node.zone >> shift));
  return hash;
}

Result<Lsa> read_lsa(std::string_view payload) {
  SKEP_TRY(const json::value value,
           parse_json(payload, {.bytes_max = kLsaBytesMax, .depth_max = kDepthMax}));
  Lsa lsa;
  SKEP_TRY_VOID(read_head(value, lsa));
  SKEP_TRY(lsa.up, read_list(value, "up", read_node, kLsaBytesMax));
  SKEP_TRY(lsa.down, read_list(value, "down", read_down, kLsaBytesMax));
  SKEP_TRY(lsa.routes, read_list(value, "routes", read_route, kLsaBytesMax));
  if (lsa.kind == Lsa::Kind::kDigest) {
    const json::value* digest = get_member(value, "digest");
    if (digest == nullptr) return bad("digest");
    SKEP_TRY(lsa.digest.nodes, number(*digest, "nodes", kLsaBytesMax * kLsaPartsMax));
    SKEP_TRY(const std::string hash, short_text(*digest, "hash"));
    const auto end = std::from_chars(hash.data(), hash.data() + hash.size(), lsa.digest.hash, 16);
    if (end.ec != std::errc{} || end.ptr != hash.data() + hash.size()) return bad("hash");
  }
  return lsa;
}

std::string write_lsa(const Lsa& lsa) {
  std::string out = R"({"hive":)";
  append_json_string(out, lsa.hive);
  out += fmt::format(R"(,"epoch":{},"seq":{},"kind":"{}","part":{},"parts":{})", lsa.epoch, lsa.seq,
                     kKinds.at(static_cast<std::size_t>(lsa.kind)), lsa.part, lsa.parts);
  append_list(out, "path", lsa.path, append_hive);
  append_list(out, "up", lsa.up, append_node);
  append_list(out, "down", lsa.down, append_down);
  append_list(out, "routes", lsa.routes, append_route);
  if (lsa.kind == Lsa::Kind::kDigest) {
    out +=
        fmt::format(R"(,"digest":{{"nodes":{},"hash":"{:x}"}})", lsa.digest.nodes, lsa.digest.hash);
  }
  out += '}';
  return out;
}

std::vector<Lsa> cut_lsa(Lsa lsa) {
  Cutter cutter{.head = lsa};
  cutter.piece(0);
  for (LsaRoute& route : lsa.routes) {
    const std::size_t bytes = bytes_of(route, append_route);
    cutter.piece(bytes).routes.push_back(std::move(route));
  }
  for (const NodeId& id : lsa.down) cutter.piece(kUuidBytes).down.push_back(id);
  for (LsaNode& node : lsa.up) {
    const std::size_t bytes = bytes_of(node, append_node);
    cutter.piece(bytes).up.push_back(std::move(node));
  }
  if (lsa.kind == Lsa::Kind::kFull) {
    std::uint32_t part = 0;
    for (Lsa& piece : cutter.pieces) {
      piece.part = ++part;
      piece.parts = static_cast<std::uint32_t>(cutter.pieces.size());
    }
  }
  return std::move(cutter.pieces);
}

}  // namespace skep::fabric
