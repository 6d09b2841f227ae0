// The way of every message: check the source, stamp, find, hand on.
#include <algorithm>
#include <cstring>

#include "core_impl.h"

namespace skep::fabric {
namespace {

using Routed = std::expected<void, Drop>;
using To = EnvelopeView::To;

Row row_of(const Decision& decision) {
  using What = Decision::What;
  if (decision.by != nullptr) {
    const bool fallback = decision.by->action == StaticRoute::Action::kFallback;
    return fallback ? Row::kFallback : Row::kOverride;
  }
  if (decision.what == What::kToHive) return Row::kHiveRoute;
  if (decision.what != What::kNode) return Row::kNone;
  return decision.node->where == NodeAt::Where::kHive ? Row::kHiveNode : Row::kNode;
}
constexpr std::unexpected<Drop> dropped(Drop drop) { return std::unexpected(drop); }

// What only routers say, and what only authorised system nodes may say (docs/fabric.md
// "Handshake"). A CONFIG_RESPONSE changes nothing: whoever was asked may answer.
bool is_routers_word(std::string_view msg) {
  return msg == "UNREACHABLE" || msg == "TTL_EXCEEDED" || msg == "ANNOUNCE" || msg == "EVICTED" ||
         msg == "GOODBYE" || msg == "HELLO_REJECT";
}
bool is_privileged(const EnvelopeView& view) {
  return view.scope == "global" || view.msg.starts_with("OPA_") ||
         (view.msg.starts_with("CONFIG_") && view.msg != "CONFIG_RESPONSE");
}
bool wants_action_class(std::string_view type) {
  return type != "system" && type != "admin" && type != "query_response";
}
// What people and agents say to each other.
bool is_turn(std::string_view type) { return type == "user" || type == "reply"; }
bool may_talk(const std::optional<std::uint32_t>& a, const std::optional<std::uint32_t>& b) {
  return !a || !b || *a == *b;
}

std::string_view thread_of(const void* packet) {
  return static_cast<const Packet*>(packet)->thread();
}

// A name as other implementations write it may lack its hive.
class FullName {
 public:
  FullName(std::string_view text, std::string_view hive) : view_(text) {
    if (text.contains('@') || text.size() + 1 + hive.size() > sizeof(buffer_)) return;
    char* end = std::copy(text.begin(), text.end(), buffer_);
    *end++ = '@';
    end = std::copy(hive.begin(), hive.end(), end);
    view_ = {buffer_, static_cast<std::size_t>(end - buffer_)};
  }
  [[nodiscard]] std::string_view str() const { return view_; }

 private:
  char buffer_[336];
  std::string_view view_;
};

}  // namespace

Routed Core::Impl::route(const Origin& from, Packet& packet) {
  Sender sender;
  if (auto admitted = admit(from, packet, sender); !admitted) return admitted;
  if (packet.view().ttl == 0) return dropped(Drop::kTtlExceeded);
  number(from, packet);
  if (packet.view().to == To::kBroadcast) return broadcast(from, sender, packet);
  return unicast(from, sender, packet);
}

// Nobody speaks as another: the source must be the session's own, or lie behind its link.
Routed Core::Impl::admit(const Origin& from, Packet& packet, Sender& sender) {
  if (from.by != Origin::By::kNode) return admit_from_router(from, packet, sender);
  const NodeAt& node = *from.node;
  if (packet.view().src != node.id) return dropped(Drop::kSpoofed);
  packet.stamp.src_name = node.name.str();
  packet.zone = node.zone;
  sender = {node.zone, config.hive, from.system};
  if (packet.is_system() && !may_say(sender, packet)) return dropped(Drop::kNotAllowed);
  if (packet.is_frame() && !packet.view().has_action_class &&
      wants_action_class(packet.view().type)) {
    packet.stamp.action_class = "send_message";
  }
  return {};
}

Routed Core::Impl::admit_from_router(const Origin& from, Packet& packet, Sender& sender) {
  const EnvelopeView& view = packet.view();
  const bool hive = from.by == Origin::By::kHive;
  const Drop foreign = hive ? Drop::kForeign : Drop::kSpoofed;
  if (const NodeAt* src = table.find(view.src)) {
    if (exit_of(*src) != from.exit) return dropped(foreign);
    packet.stamp.src_name = src->name.str();
    packet.zone = src->zone;
    sender = {src->zone, src->where == NodeAt::Where::kHive ? src->hive : config.hive,
              !hive || from.system};
  } else if (packet.is_system() && view.src_name.starts_with("RT.")) {
    if (hive && view.src_name.ends_with(config.hive) &&
        view.src_name.substr(0, view.src_name.size() - config.hive.size()).ends_with('@')) {
      return dropped(foreign);
    }
    packet.stamp.src_name = view.src_name;  // a router's own words; routers are in no table
    sender = {std::nullopt, hive ? from.hive : std::string_view(config.hive), !hive || from.system};
  } else {
    return dropped(foreign);
  }
  const bool allowed = !packet.is_system() || sender.system || !is_privileged(view);
  return allowed ? Routed() : dropped(Drop::kNotAllowed);
}

bool Core::Impl::may_say(const Sender& sender, const Packet& packet) const {
  return sender.system || !(is_routers_word(packet.view().msg) || is_privileged(packet.view()));
}

void Core::Impl::number(const Origin& from, Packet& packet) {
  if (!thread_seq || from.by != Origin::By::kNode || packet.view().has_thread_seq) return;
  if (packet.is_system() || packet.view().type == "progress") return;
  const std::string_view thread = packet.thread();
  if (thread.empty()) return;
  if (auto next = thread_seq(thread)) packet.stamp.thread_seq = *next;
}

bool Core::Impl::is_for_me(const Packet& packet) const {
  const EnvelopeView& view = packet.view();
  if (view.to == To::kNode) return view.dst_node == config.id;
  if (view.to == To::kName) return view.dst_text == config.name.str();
  return view.to == To::kNull;
}

bool Core::Impl::control(const Origin& from, const Packet& packet) {
  const auto at = controls.find(std::string(packet.view().msg));
  if (at == controls.end()) return false;
  const Control handler = at->second;  // it may take its registration back
  handler(from, packet);
  return true;
}

Routed Core::Impl::unicast(const Origin& from, const Sender& sender, Packet& packet) {
  const EnvelopeView& view = packet.view();
  if (packet.is_system() && is_for_me(packet) && control(from, packet)) {
    packet.way.row = Row::kRouter;
    return {};
  }
  if (view.to == To::kNode) return to_id(from, sender, packet);
  if (view.to == To::kNull && packet.is_system()) return dropped(Drop::kNoTarget);
  if (view.to == To::kNull) return to_null(from, sender, packet);
  const FullName name(view.dst_text, config.hive);
  return to_name(from, sender, packet, name.str());
}

Routed Core::Impl::to_id(const Origin& from, const Sender& sender, Packet& packet) {
  packet.way.row = Row::kId;
  const NodeAt* to = table.find(packet.view().dst_node);
  if (to == nullptr) return dropped(Drop::kNodeNotFound);
  if (table.dropped(*to) != nullptr) return dropped(Drop::kRouteDrop);
  if (!may_talk(sender.zone, to->zone)) return dropped(Drop::kVpnBlocked);
  return to_node(from, packet, *to);
}

Routed Core::Impl::to_name(const Origin& from, const Sender& sender, Packet& packet,
                           std::string_view name) {
  const Asker asker{.zone = sender.zone,
                    .hive = sender.hive,
                    .thread = packet.view().thread_id,
                    .find_thread = packet.is_frame() ? nullptr : &thread_of,
                    .message = &packet};
  const Decision decision = table.ask(name, asker);
  if (!decision.redirected_name.empty()) packet.stamp.dst = decision.redirected_name;
  auto routed = follow(from, packet, decision);
  packet.stamp.dst.reset();  // it points at texts that live no longer
  return routed;
}

Routed Core::Impl::follow(const Origin& from, Packet& packet, const Decision& decision) {
  packet.way.row = row_of(decision);
  switch (decision.what) {
    case Decision::What::kNode:
      return to_node(from, packet, *decision.node);
    case Decision::What::kToHive:
      return to_hive(from, packet, decision.hive, static_cast<Exit*>(decision.exit));
    case Decision::What::kDrop:
      return dropped(Drop::kRouteDrop);
    case Decision::What::kBlocked:
      return dropped(Drop::kVpnBlocked);
    case Decision::What::kNone:
      break;
  }
  return dropped(Drop::kNodeNotFound);
}

// `known`: the exit of an advertised route; a static route names only the hive.
Routed Core::Impl::to_hive(const Origin& from, Packet& packet, std::string_view hive, Exit* known) {
  if (known != nullptr) return hand_to_router(from, packet, *known, Drop::kWanUnavailable);
  const Hive* nearest = nullptr;
  for (const Hive& one : hives) {
    if (one.hive == hive && (nearest == nullptr || one.path.size() < nearest->path.size()))
      nearest = &one;
  }
  if (nearest != nullptr)
    return hand_to_router(from, packet, *nearest->exit, Drop::kWanUnavailable);
  if (gateway_here) return dropped(Drop::kWanUnavailable);
  const auto gateway = std::ranges::find_if(peers, &Peer::gateway);
  if (gateway == peers.end()) return dropped(Drop::kGatewayUnavailable);
  return hand_to_router(from, packet, *gateway->exit, Drop::kGatewayUnavailable);
}

// The answer replaces dst at once, so that no later router asks again.
Routed Core::Impl::to_null(const Origin& from, const Sender& sender, Packet& packet) {
  if (resolver == nullptr) return dropped(Drop::kNoTarget);
  const auto name = resolver->resolve(packet);
  if (!name) return dropped(name.error());
  packet.stamp.dst = *name;
  return to_name(from, sender, packet, *name);
}

Routed Core::Impl::to_node(const Origin& from, Packet& packet, const NodeAt& to) {
  packet.way.to = to.id;
  Exit& exit = *exit_of(to);
  switch (to.where) {
    case NodeAt::Where::kHere:
      return hand_to_node(to, packet);
    case NodeAt::Where::kPeer:
      return hand_to_router(from, packet, exit, Drop::kPeerUnavailable);
    case NodeAt::Where::kHive:
      break;
  }
  return hand_to_router(from, packet, exit, Drop::kWanUnavailable);
}

// Never back where it came from: two routers whose tables differ would play with it.
Routed Core::Impl::hand_to_router(const Origin& from, Packet& packet, Exit& exit, Drop when_gone) {
  if (&exit == from.exit) return dropped(Drop::kNodeNotFound);
  if (packet.stamp.ttl < 2) return dropped(Drop::kTtlExceeded);
  return hand_over(exit, packet, when_gone);
}

Routed Core::Impl::hand_to_node(const NodeAt& to, Packet& packet) {
  Exit& exit = *exit_of(to);
  if (witness == nullptr || !is_turn(packet.view().type))
    return hand_over(exit, packet, Drop::kNodeNotFound);
  const std::uint64_t number = witness->begins(to, packet);
  Routed handed = hand_over(exit, packet, Drop::kNodeNotFound);
  if (witness != nullptr) witness->ends(number, handed.has_value());
  return handed;
}

Routed Core::Impl::hand_over(Exit& exit, Packet& packet, Drop when_gone) {
  const bool inbox = exit.is_inbox();
  Result<void> taken = exit.take(packet);
  if (taken) {
    ++stats.delivered;
    return {};
  }
  const Code code = taken.error().code;
  packet.refusal = std::move(taken).error();
  if (inbox) return dropped(Drop::kRefused);
  if (code == Code::kExhausted) return dropped(Drop::kBackpressure);
  return dropped(code == Code::kUnavailable ? when_gone : Drop::kRefused);
}

}  // namespace skep::fabric
