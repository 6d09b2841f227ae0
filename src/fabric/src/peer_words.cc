#include "peer_words.h"

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::fabric {

namespace {

constexpr std::string_view kVersion = "skep/1";
constexpr std::size_t kPayloadBytes = 60u << 10;

std::string frame_of(const Core::Config& router, std::string action, std::string payload) {
  Message word;
  word.id = MessageId(mint_ulid());
  word.src = router.id;
  word.kind = Kind::kSystem;
  word.action = std::move(action);
  word.payload = std::move(payload);
  std::string frame;
  // Its parts are ours and bounded, so it always can be written.
  (void)append_frame(frame, word, {.src_name = router.name.str(), .ttl = 1});
  return frame;
}

void append_node(std::string& out, const NodeAt& node) {
  if (!out.ends_with('[')) out += ',';
  fmt::format_to(std::back_inserter(out), R"({{"uuid":"{}","name":"{}","since":{},"vpn_id":{})",
                 node.id.uuid.str(), node.name.str(), node.since,
                 node.zone ? std::to_string(*node.zone) : "null");
  if (node.where == NodeAt::Where::kHive) {
    fmt::format_to(std::back_inserter(out), R"(,"hive":"{}","path":{})", node.hive, node.path);
  }
  out += '}';
}

Result<NodeAt> read_node(const json::value& entry, std::string_view hive, bool gateway) {
  SKEP_TRY(const Uuid id, Uuid::parse(get_string(entry, "uuid")));
  SKEP_TRY(Name name, Name::parse(get_string(entry, "name")));
  NodeAt node{.id = NodeId{id}, .name = std::move(name), .where = NodeAt::Where::kPeer};
  if (const auto zone = get_int(entry, "vpn_id")) {
    if (*zone < 0 || *zone > UINT32_MAX) return fail(Code::kInvalid, "vpn_id");
    node.zone = static_cast<std::uint32_t>(*zone);
  }
  if (node.name.hive() == hive) return node;
  if (!gateway || node.name.hive() != get_string(entry, "hive")) {
    return fail(Code::kDenied, "a node of another hive");
  }
  node.where = NodeAt::Where::kHive;
  node.hive = node.name.hive();
  node.path = static_cast<std::uint8_t>(
      std::clamp<std::int64_t>(get_int(entry, "path").value_or(1), 1, 255));
  return node;
}

}  // namespace

std::string hello_frame(const Core::Config& router, bool gateway) {
  return frame_of(router, "PEER_HELLO",
                  to_json(json::object{{"router_id", router.id.uuid.str()},
                                       {"router_name", router.name.str()},
                                       {"version", kVersion},
                                       {"gateway", gateway}}));
}

std::string ping_frame(const Core::Config& router) { return frame_of(router, "PING", "{}"); }

Result<PeerHello> read_hello(std::string_view frame, std::string_view hive) {
  SKEP_TRY(const EnvelopeView view, read_envelope(frame));
  if (view.type != "system" || view.msg != "PEER_HELLO") {
    return fail(Code::kInvalid, "its first word is no PEER_HELLO");
  }
  SKEP_TRY(const json::value word, parse_json(view.payload));
  if (get_string(word, "version") != kVersion) {
    return fail(Code::kInvalid, fmt::format("it speaks version \"{}\", this router {}",
                                            cut_utf8(get_string(word, "version"), 32), kVersion));
  }
  SKEP_TRY(const Uuid id, Uuid::parse(get_string(word, "router_id")));
  SKEP_TRY(Name name, Name::parse(get_string(word, "router_name")));
  if (view.src != NodeId{id} || name.type() != NodeType::kRouter || name.hive() != hive) {
    return fail(Code::kInvalid, "it is no router of this hive");
  }
  return PeerHello{NodeId{id}, std::move(name), get_bool(word, "gateway").value_or(false)};
}

std::vector<std::string> nodes_frames(const Core::Config& router, const NodesWord& word) {
  std::vector<std::string> frames;
  std::size_t up = 0, down = 0;
  do {
    std::string payload = fmt::format(R"({{"full":{},"up":[)", word.full && frames.empty());
    for (; up < word.up.size() && payload.size() < kPayloadBytes; ++up) {
      append_node(payload, word.up[up]);
    }
    payload += R"(],"down":[)";
    for (; down < word.down.size() && payload.size() < kPayloadBytes; ++down) {
      if (!payload.ends_with('[')) payload += ',';
      payload += '"' + word.down[down].uuid.str() + '"';
    }
    frames.push_back(frame_of(router, "NODES", payload + "]}"));
  } while (up < word.up.size() || down < word.down.size());
  return frames;
}

Result<NodesWord> read_nodes(std::string_view payload, std::string_view hive, bool gateway,
                             std::size_t& left_out) {
  SKEP_TRY(const json::value word, parse_json(payload));
  NodesWord nodes;
  nodes.full = get_bool(word, "full").value_or(false);
  left_out = 0;
  if (const json::array* up = get_array(word, "up")) {
    for (const json::value& entry : *up) {
      Result<NodeAt> node = read_node(entry, hive, gateway);
      if (!node) ++left_out;
      if (node) nodes.up.push_back(*std::move(node));
    }
  }
  if (const json::array* down = get_array(word, "down")) {
    for (const json::value& entry : *down) {
      const auto id = entry.is_string() ? Uuid::parse(std::string_view(entry.get_string()))
                                        : Result<Uuid>(fail(Code::kInvalid, "uuid"));
      if (!id) ++left_out;
      if (id) nodes.down.push_back(NodeId{*id});
    }
  }
  return nodes;
}

}  // namespace skep::fabric
