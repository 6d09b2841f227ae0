#include "acks.h"

namespace skep::fabric {
namespace {

Message answer_of(std::string_view id, const NodeId& to, std::string action) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = message.id.str();
  message.dst = to;
  message.kind = Kind::kSystem;
  message.action = std::move(action);
  message.in_reply_to = MessageId(std::string(id));
  return message;
}

}  // namespace

bool SeenIds::contains(const NodeId& sender, std::string_view id) const {
  const auto at = senders_.find(sender);
  return at != senders_.end() && at->second.ids.contains(sender, id);
}

void SeenIds::add(const NodeId& sender, std::string_view id) {
  auto [at, fresh] = senders_.try_emplace(sender);
  if (fresh) {
    at->second.at = order_.insert(order_.end(), sender);
  } else {
    order_.splice(order_.end(), order_, at->second.at);
  }
  at->second.ids.first(sender, id, std::chrono::steady_clock::now());
  if (senders_.size() <= senders_max) return;
  senders_.erase(order_.front());
  order_.pop_front();
}

Message ack_of(std::string_view id, const NodeId& to) {
  Message message = answer_of(id, to, "ACK");
  message.payload = to_json(json::object{{"id", id}});
  return message;
}

Message nack_of(std::string_view id, const NodeId& to, const Error& why) {
  Message message = answer_of(id, to, "NACK");
  message.payload =
      to_json(json::object{{"id", id}, {"code", code_name(why.code)}, {"message", why.message}});
  return message;
}

}  // namespace skep::fabric
