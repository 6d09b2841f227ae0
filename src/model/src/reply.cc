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

}  // namespace skep
