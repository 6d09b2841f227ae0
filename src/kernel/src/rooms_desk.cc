#include "rooms_desk.h"

#include "skep/model/aside.h"
#include "skep/model/room_talk.h"

namespace skep::kernel {

// Answered before the channel may say that it has the message, so that after a kill it comes again.
Result<void> RoomsDesk::deliver(Message message) {
  const bool words = message.kind == Kind::kUser && !aside_of(message) && !room_talk(message);
  const agent::ParsedText said = agent::parse_text(words ? text_of(message.parts) : "");
  const agent::CommandInfo* info = said.is_command ? agent::find_command(said.command) : nullptr;
  const bool ours = channel_ != nullptr && info != nullptr &&
                    info->whom == agent::CommandInfo::For::kAdmin &&
                    deps_.is_admin(message.conversation);
  if (!ours) return deps_.out.deliver(std::move(message));
  Message reply;
  reply.id = MessageId("R" + message.id.str());
  reply.trace = message.trace;
  reply.kind = Kind::kReply;
  reply.in_reply_to = message.id;
  reply.sent_at = Clock::system().now();
  reply.conversation = message.conversation;
  reply.reply_address = message.reply_address;
  const std::string& channel = message.conversation.channel;
  if (const json::value* noted = message.meta.if_contains(channel)) reply.meta[channel] = *noted;
  reply.parts = {TextPart{agent::is_of_access(*info)
                              ? deps_.access(message.conversation, info->name, said.arguments)
                              : deps_.rooms(info->name, said.arguments)}};
  return channel_->deliver(std::move(reply));
}

}  // namespace skep::kernel
