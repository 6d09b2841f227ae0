#include "skep/model/reply.h"

namespace skep {

Message reply_to(const Message& asked, MessageId id, WallTime now, std::string text) {
  Message reply;
  reply.id = std::move(id);
  reply.trace = asked.trace;
  reply.kind = Kind::kReply;
  reply.in_reply_to = asked.id;
  reply.sent_at = now;
  reply.conversation = asked.conversation;
  reply.reply_address = asked.reply_address;
  const std::string& channel = asked.conversation.channel;
  if (const json::value* noted = asked.meta.if_contains(channel)) reply.meta[channel] = *noted;
  reply.parts = {TextPart{std::move(text)}};
  return reply;
}

void put_chosen(Message& reply, std::string_view id) { reply.meta["reply_to"] = id; }

std::string_view chosen_in(const Message& reply) {
  const json::value* chosen = reply.meta.if_contains("reply_to");
  return chosen != nullptr && chosen->is_string() ? std::string_view(chosen->get_string())
                                                  : std::string_view();
}

void put_taint(Message& message, std::uint8_t bits) { message.meta["taint"] = bits; }

std::optional<std::uint8_t> taint_in(const Message& message) {
  const json::value* taint = message.meta.if_contains("taint");
  if (taint == nullptr) return std::nullopt;
  if (taint->is_uint64()) return static_cast<std::uint8_t>(taint->get_uint64());
  if (taint->is_int64()) return static_cast<std::uint8_t>(taint->get_int64());
  return std::nullopt;
}

}  // namespace skep
