#include "node_session.h"

#include <sys/socket.h>
#include <unistd.h>

#include "skep/base/log.h"

namespace skep::fabric {
namespace {

FrameLimits limits_of(const NodeServerConfig& config) {
  return {.queue_messages_max = config.queue_messages_max,
          .queue_bytes_max = config.queue_bytes_max,
          .queue_system_messages = config.queue_system_messages,
          .ping_after = config.ping_after,
          .dead_after = config.dead_after,
          .stuck_after = config.stuck_after};
}

std::uint32_t peer_pid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  const bool known = ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  return known ? static_cast<std::uint32_t>(credentials.pid) : 0;
}

bool speaks_our_version(std::string_view version) {
  return version == "1" || version.starts_with("1.");
}

}  // namespace

struct NodeSession::Hello {
  NodeId id;
  std::string name, version, token;
  bool wants_shared = false;
};

NodeSession::NodeSession(NodeSessions& server, std::shared_ptr<FrameHub> hub, int fd, uid_t uid)
    : server_(server),
      socket_(std::move(hub), fd, limits_of(*server.config), *this, server.traffic),
      uid_(uid),
      since_(std::chrono::steady_clock::now()) {}

NodeSession::~NodeSession() {
  leave_core();
  if (shares_) --server_.stats.shared;
}

void NodeSession::leave_core() {
  if (const NodeAt* node = std::exchange(node_, nullptr)) server_.core->leave(*node);
}

void NodeSession::leave(Error why) {
  leave_core();
  socket_.end(std::move(why));
}

// -- what comes ----------------------------------------------------------------------------------

void NodeSession::on_frame(std::string_view frame) {
  if (node_ == nullptr) return on_first_frame(frame);
  auto read = reader_.read(frame);
  if (!read) {
    malformed();
    if (read.error().code != Code::kInvalid) leave(std::move(read).error());
    return;
  }
  const EnvelopeView* view = *read;
  if (view->type == "system" && view->to == EnvelopeView::To::kNull && word(*view)) return;
  Packet packet(*view);
  const Origin from{.node = node_, .exit = this, .system = system_};
  auto routed = server_.core->route(from, packet);
  if (routed) return;
  if (routed.error() == Drop::kSpoofed) ++server_.stats.spoofed;
  server_.core->report({.exit = this}, packet, routed.error());
}

void NodeSession::on_first_frame(std::string_view frame) {
  const auto view = read_envelope(frame);
  if (view) return hello(*view);
  malformed();
  reject("BAD_HELLO", view.error().message);
}

void NodeSession::malformed() {
  ++server_.stats.malformed;
  server_.core->count(Drop::kMalformed);
}

// Words between the two ends of the link.
bool NodeSession::word(const EnvelopeView& view) {
  if (view.msg == "PING") {
    say("PONG", view.trace);
  } else if (view.msg == "WITHDRAW") {
    leave({Code::kCancelled, "the node withdrew"});
  } else if (view.msg != "PONG" && view.msg != "HELLO") {
    return false;
  }
  return true;
}

void NodeSession::on_silence() {
  reader_.forget();
  say("PING");
}

void NodeSession::on_end(const Error& why) {
  if (why.message == "the peer does not read") ++server_.stats.stuck;
  if (id_ && why.code != Code::kCancelled)
    log::debug("fabric", "node {} is gone: {}", id_->uuid.str(), why.message);
  server_.gone(*this);
}

// -- the handshake -------------------------------------------------------------------------------

void NodeSession::hello(const EnvelopeView& view) {
  if (refused_) return;
  auto payload = parse_json(view.payload);
  auto id = payload ? Uuid::parse(get_string(*payload, "uuid")) : fail(payload.error());
  const bool is_hello = view.type == "system" && view.msg == "HELLO" && id && view.src.uuid == *id;
  if (!is_hello || id->is_nil()) {
    return reject("BAD_HELLO", "the first frame must be a HELLO whose src is its payload's uuid");
  }
  const Hello said{NodeId{*id}, std::string(get_string(*payload, "name")),
                   std::string(get_string(*payload, "version")),
                   std::string(get_string(*payload, "token")),
                   get_int(*payload, "shared_memory") == 1};
  if (!speaks_our_version(said.version))
    return reject("VERSION",
                  fmt::format("version \"{}\" is not spoken here, 1.0 is", said.version));
  const std::string& hive = server_.core->config().hive;
  auto name = Name::parse(said.name, hive);
  if (!name) return reject("BAD_NAME", name.error().message);
  if (name->hive() != hive) return reject("WRONG_HIVE", fmt::format("this is hive \"{}\"", hive));
  if (authorise(said, *name)) join(view, said, std::move(*name));
}

// docs/fabric.md "Handshake": who may be what.
bool NodeSession::authorise(const Hello& hello, const Name& name) {
  const bool privileged = name.type() == NodeType::kSystem || name.type() == NodeType::kRouter;
  if (hello.token.empty()) {
    if (!privileged && uid_ == ::geteuid()) return true;
    reject("NAME_NOT_ALLOWED",
           fmt::format("\"{}\" needs a token; issue one with `skep fabric token`", name.str()));
    return false;
  }
  auto grant = check_token(server_.config->directory, hello.token, name.str());
  if (!grant) {
    reject(grant.error().code == Code::kDenied ? "NAME_NOT_ALLOWED" : "BAD_TOKEN",
           grant.error().message);
    return false;
  }
  if (!*grant) {
    reject("BAD_TOKEN", "this router knows no such token");
    return false;
  }
  system_ = privileged || (*grant)->system;
  return true;
}

void NodeSession::join(const EnvelopeView& view, const Hello& hello, Name name) {
  NodeAt node{.id = hello.id, .name = std::move(name)};
  node.exit = static_cast<Exit*>(this);
  node.pid = peer_pid(socket_.fd());
  node.own_user = uid_ == ::geteuid();
  auto joined = server_.core->join(std::move(node));
  if (!joined) return reject("BAD_HELLO", joined.error().message);
  node_ = *joined;
  id_ = hello.id;
  server_.registered(*this);
  json::object payload{{"uuid", hello.id.uuid.str()},
                       {"name", node_->name.str()},
                       {"status", "registered"},
                       {"vpn_id", node_->zone.value_or(0)},
                       {"router_name", server_.core->config().name.str()}};
  if (hello.wants_shared && announce_shared(view.trace, payload)) return;
  say("ANNOUNCE", view.trace, to_json(payload));
}

// False: there is none for this node, and it goes on by the socket.
bool NodeSession::announce_shared(std::string_view trace, json::object payload) {
  const std::size_t bytes = server_.config->shared_ring_bytes;
  if (server_.stats.shared >= server_.config->shared_links_max) return false;
  payload["shared_memory"] = json::object{{"version", 1}, {"ring_bytes", bytes}};
  const std::string text = to_json(payload);
  const LinkWord word{.src = server_.core->config().id,
                      .msg = "ANNOUNCE",
                      .trace = trace,
                      .dst = id_,
                      .payload = text};
  auto shared = socket_.share(link_frame(word), bytes);
  if (!shared) {
    log::debug("fabric", "no shared memory for {}: {}", node_->name.str(), shared.error().message);
    return false;
  }
  ++server_.stats.shared;
  shares_ = true;
  return true;
}

// -- what goes -----------------------------------------------------------------------------------

void NodeSession::say(std::string_view msg, std::string_view trace, std::string_view payload) {
  const LinkWord word{
      .src = server_.core->config().id, .msg = msg, .trace = trace, .dst = id_, .payload = payload};
  (void)socket_.send_frame(link_frame(word), true);  // full or ended: nobody is there to hear it
}

void NodeSession::reject(std::string_view reason, std::string_view message, int retry_after_ms) {
  if (std::exchange(refused_, true)) return;
  ++server_.stats.refused;
  json::object payload{{"reason", reason}, {"message", message}};
  if (retry_after_ms > 0) payload["retry_after_ms"] = retry_after_ms;
  say("HELLO_REJECT", {}, to_json(payload));
  leave({Code::kDenied, std::string(message)});
}

void NodeSession::evicted() {
  node_ = nullptr;
  ++server_.stats.evicted;
  say("EVICTED");
  socket_.end({Code::kCancelled, "another connection has this node's id"});
}

void NodeSession::say_goodbye() {
  say("GOODBYE");
  leave({Code::kCancelled, "the router is going"});
}

}  // namespace skep::fabric
