#include "packet.h"

#include <limits>

#include "message_members.h"

namespace skep::fabric {
namespace {

std::string_view text_in(const json::object& meta, std::string_view key) {
  const json::value* value = meta.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

void read_destination(EnvelopeView& view, const Message& message) {
  if (const auto* name = std::get_if<Name>(&message.dst)) {
    view.to = EnvelopeView::To::kName;
    view.dst_text = name->str();
  } else if (const auto* id = std::get_if<NodeId>(&message.dst)) {
    view.to = EnvelopeView::To::kNode;
    view.dst_node = *id;
  } else if (const auto* all = std::get_if<Broadcast>(&message.dst)) {
    view.to = EnvelopeView::To::kBroadcast;
    view.dst_text = "broadcast";
    view.target = all->target;
  }
}

// Views into `message`.
EnvelopeView view_of(const Message& message) {
  EnvelopeView view;
  view.src = message.src;
  if (message.src_name) view.src_name = message.src_name->str();
  read_destination(view, message);
  view.ttl = message.ttl;
  view.trace = message.trace;
  view.type = type_of(message);
  view.id = message.id.str();
  if (message.kind == Kind::kSystem) view.msg = message.action;
  if (message.meta.empty()) return view;
  view.scope = text_in(message.meta, "scope");
  view.has_thread_seq = message.meta.contains("thread_seq");
  view.has_action_class = message.meta.contains("action_class");
  const json::value* ack = message.meta.if_contains("ack");
  view.ack = ack != nullptr && ack->is_bool() && ack->get_bool();
  return view;
}

}  // namespace

Packet::Packet(Message message)
    : message_(std::move(message)), own_(view_of(*message_)), view_(&*own_) {
  stamp.ttl = view_->ttl;
}

Packet::Packet(const EnvelopeView& view) : view_(&view) { stamp.ttl = view.ttl; }

std::string_view Packet::thread() const {
  if (!message_) return view_->thread_id;
  if (!thread_.empty()) return thread_;
  if (std::string_view given = text_in(message_->meta, "thread_id"); !given.empty()) return given;
  if (message_->conversation != Conversation()) thread_ = thread_id_of(message_->conversation);
  return thread_;
}

void Packet::apply_stamp(Message& message) const {
  if (!stamp.src_name.empty() && (!message.src_name || message.src_name->str() != stamp.src_name)) {
    if (auto name = Name::parse(stamp.src_name)) message.src_name = std::move(*name);
  }
  message.ttl = stamp.ttl;
  if (stamp.dst) {
    if (auto name = Name::parse(*stamp.dst)) message.dst = std::move(*name);
  }
  if (stamp.thread_seq) message.meta["thread_seq"] = *stamp.thread_seq;
}

Result<Message> Packet::message() const {
  if (message_) {
    Message copy = *message_;
    apply_stamp(copy);
    return copy;
  }
  SKEP_TRY(Message read, message_from_envelope(*view_));
  apply_stamp(read);
  return read;
}

Result<Message> Packet::take() const {
  if (!message_ || many_) return message();
  apply_stamp(*message_);
  return std::move(*message_);
}

Result<void> Packet::append(std::string& out, bool towards_router) const {
  if (!many_) return append_now(out, towards_router);
  std::string& made = made_[towards_router ? 1 : 0];
  if (made.empty()) SKEP_TRY_VOID(append_now(made, towards_router));
  out += made;
  return {};
}

Result<std::string> Packet::envelope() const {
  std::string frame;
  if (message_) {
    SKEP_TRY_VOID(append_frame(frame, *message_, stamp, std::numeric_limits<std::uint32_t>::max()));
  } else {
    append_stamped(frame, *view_, stamp);
  }
  frame.erase(0, kFrameHeaderBytes);
  return frame;
}

Result<void> Packet::append_now(std::string& out, bool towards_router) const {
  Stamp last = stamp;
  if (towards_router) {
    last.ttl = static_cast<std::uint8_t>(last.ttl == 0 ? 0 : last.ttl - 1);
    last.vpn = zone.value_or(0);
  }
  if (message_) return append_frame(out, *message_, last);
  const std::size_t before = out.size();
  append_stamped(out, *view_, last);
  if (out.size() - before - kFrameHeaderBytes <= kStampedBytesMax) return {};
  out.resize(before);
  return fail(Code::kTooLarge, "with the router's stamp the message is longer than a frame may be");
}

}  // namespace skep::fabric
