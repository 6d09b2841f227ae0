#include "peer_link.h"

#include "skep/base/log.h"

namespace skep::fabric {

PeerLink::PeerLink(Core& core, std::shared_ptr<FrameHub> hub, OwnedFd fd, FrameLimits limits,
                   Home& home, std::string dialled)
    : core_(core),
      home_(home),
      dialled_(std::move(dialled)),
      socket_(std::move(hub), fd.release(), limits, *this, traffic_) {
  (void)socket_.send_frame(hello_frame(core_.config(), core_.is_gateway()), true);
}

PeerLink::~PeerLink() { take_out(); }

void PeerLink::take_out() {
  if (std::exchange(in_core_, false)) core_.remove_peer(*this);
}

void PeerLink::end(Error why) {
  take_out();
  socket_.end(std::move(why));
}

void PeerLink::on_end(const Error& why) {
  take_out();
  home_.ended(*this, why);
}

void PeerLink::on_silence() { (void)socket_.send_frame(ping_frame(core_.config()), true); }

void PeerLink::tell(const NodesWord& word) {
  if (!up() || socket_.ended()) return;
  for (const std::string& frame : nodes_frames(core_.config(), word)) {
    if (auto sent = socket_.send_frame(frame, true); !sent) {
      // Not take_out(): a message may be on its way through the core right now.
      socket_.end({Code::kExhausted, "it does not read what it is told"});
      return;
    }
  }
}

void PeerLink::on_frame(std::string_view frame) {
  if (!hello_) return on_hello(frame);
  const Result<const EnvelopeView*> read = reader_.read(frame);
  if (!read) {
    core_.count(Drop::kMalformed);
    if (read.error().code != Code::kInvalid) end(read.error());
    return;
  }
  const EnvelopeView* view = *read;
  // What the two ends of a link say to each other goes to nobody.
  if (view->type == "system" && view->to == EnvelopeView::To::kNull && view->src == hello_->id) {
    if (view->msg == "NODES") return on_nodes(*view);
    if (view->msg == "PING") return;
  }
  Packet packet(*view);
  core_.accept({.by = Origin::By::kPeer, .exit = this}, packet);
}

void PeerLink::on_hello(std::string_view frame) {
  Result<PeerHello> hello = read_hello(frame, core_.config().hive);
  if (!hello) return end(std::move(hello).error());
  if (!home_.admit(*this, *hello)) return;
  hello_ = *std::move(hello);
  up_since_ = Clock::system().now();
  in_core_ = true;
  core_.add_peer(*this, hello_->gateway);
  tell(all_nodes(core_, core_.is_gateway()));
  log::info("fabric", "peer {} is here", hello_->name.str());
}

void PeerLink::on_nodes(const EnvelopeView& view) {
  std::size_t left_out = 0;
  Result<NodesWord> word = read_nodes(view.payload, core_.config().hive, hello_->gateway, left_out);
  if (!word) return end(std::move(word).error());
  for (; left_out > 0; --left_out) core_.count(Drop::kForeign);
  if (word->full) core_.table().remove_exit(static_cast<Exit*>(this));
  for (const NodeId& id : word->down) {
    const NodeAt* node = core_.table().find(id);
    // It may sit elsewhere by now.
    if (node != nullptr && node->exit == static_cast<Exit*>(this)) core_.table().remove(id);
  }
  for (NodeAt& node : word->up) put(std::move(node));
}

void PeerLink::put(NodeAt node) {
  if (const NodeAt* before = core_.table().find(node.id)) {
    // A node that is attached here is nobody else's. One of another peer has moved.
    if (before->where == NodeAt::Where::kHere) return;
    core_.table().remove(NodeId(node.id));
  }
  node.exit = static_cast<Exit*>(this);
  node.since = core_.next_since();
  (void)core_.table().add(std::move(node));
}

PeerStatus PeerLink::status() const {
  PeerStatus status{.name = hello_ ? hello_->name.str() : dialled_};
  if (!hello_) return status;
  status.id = hello_->id;
  status.gateway = hello_->gateway;
  status.since = up_since_;
  status.waiting = waiting();
  core_.table().each(NodeAt::Where::kPeer, [&](const NodeAt& node) {
    if (node.exit == static_cast<const Exit*>(this)) ++status.nodes;
  });
  return status;
}

NodesWord all_nodes(const Core& core, bool gateway) {
  NodesWord word{.full = true, .up = {}, .down = {}};
  auto add = [&word](const NodeAt& node) { word.up.push_back(node); };
  core.table().each(NodeAt::Where::kHere, add);
  if (gateway) core.table().each(NodeAt::Where::kHive, add);
  return word;
}

}  // namespace skep::fabric
