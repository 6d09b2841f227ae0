#include "wan_frames.h"

#include "skep/base/json.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kTextBytesMax = 256;
constexpr std::size_t kCapabilitiesMax = 32;

std::unexpected<Error> bad(std::string_view member) {
  return fail(Code::kInvalid, fmt::format("WAN_HELLO: bad {}", member));
}

}  // namespace

std::string write_hello(const WanHello& hello) {
  json::array capabilities(hello.capabilities.begin(), hello.capabilities.end());
  return to_json(json::object{
      {"protocol", hello.protocol},
      {"hive_id", hello.hive},
      {"router_id", hello.router.uuid.str()},
      {"router_name", hello.router_name},
      {"epoch", hello.epoch},
      {"capabilities", std::move(capabilities)},
      {"timers", json::object{{"hello_ms", hello.hello_ms}, {"dead_ms", hello.dead_ms}}}});
}

Result<WanHello> read_hello(std::string_view payload) {
  SKEP_TRY(const json::value value, parse_json(payload, {.bytes_max = 8'192, .depth_max = 6}));
  WanHello hello;
  hello.protocol = get_string(value, "protocol");
  hello.hive = get_string(value, "hive_id");
  hello.router_name = get_string(value, "router_name");
  if (hello.protocol.empty() || hello.protocol.size() > kTextBytesMax) return bad("protocol");
  if (hello.hive.empty() || hello.hive.size() > kTextBytesMax) return bad("hive_id");
  if (hello.router_name.size() > kTextBytesMax) return bad("router_name");
  const auto name = Name::parse(hello.router_name);
  if (!name || name->type() != NodeType::kRouter || name->hive() != hello.hive)
    return bad("router_name");
  const auto router = Uuid::parse(get_string(value, "router_id"));
  if (!router || router->is_nil()) return bad("router_id");
  hello.router = NodeId{*router};
  const auto epoch = get_int(value, "epoch");
  if (!epoch || *epoch < 0) return bad("epoch");
  hello.epoch = static_cast<std::uint64_t>(*epoch);
  const json::array* capabilities = get_array(value, "capabilities");
  if (capabilities == nullptr || capabilities->size() > kCapabilitiesMax)
    return bad("capabilities");
  hello.capabilities.clear();
  for (const json::value& one : *capabilities) {
    if (!one.is_string()) return bad("capabilities");
    hello.capabilities.emplace_back(one.get_string());
  }
  const json::value* timers = get_member(value, "timers");
  const auto hello_ms = timers == nullptr ? std::nullopt : get_int(*timers, "hello_ms");
  const auto dead_ms = timers == nullptr ? std::nullopt : get_int(*timers, "dead_ms");
  if (!hello_ms || !dead_ms || *hello_ms <= 0 || *dead_ms <= 0) return bad("timers");
  hello.hello_ms = *hello_ms;
  hello.dead_ms = *dead_ms;
  return hello;
}

std::string control_frame(const WanEnds& ends, std::string_view msg, std::string_view payload) {
  std::string out(kFrameHeaderBytes, '\0');
  const std::string to = ends.to.uuid.is_nil() ? "null" : '"' + ends.to.uuid.str() + '"';
  out += fmt::format(
      R"({{"routing":{{"src":"{}","src_l2_name":"{}","dst":{},"ttl":1,"trace_id":"{}"}},)"
      R"("meta":{{"type":"system","msg":"{}"}},"payload":{}}})",
      ends.from.uuid.str(), ends.from_name, to, Uuid::random().str(), msg, payload);
  const std::size_t size = out.size() - kFrameHeaderBytes;
  if (size > kFrameBytesMax) return {};
  for (std::size_t i = 0; i < kFrameHeaderBytes; ++i) {
    out[i] = static_cast<char>(size >> (8 * (kFrameHeaderBytes - 1 - i)));
  }
  return out;
}

bool is_control(const EnvelopeView& view, const WanEnds& ours) {
  const bool to_us = view.to == EnvelopeView::To::kNull ||
                     (view.to == EnvelopeView::To::kNode && view.dst_node == ours.from);
  const bool by_them = ours.to.uuid.is_nil() || view.src == ours.to;
  return by_them && to_us && view.type == "system" &&
         (view.msg.starts_with("LSA") || view.msg.starts_with("WAN_"));
}

}  // namespace skep::fabric
