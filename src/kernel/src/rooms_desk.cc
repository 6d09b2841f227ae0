#include "rooms_desk.h"

#include "skep/model/aside.h"
#include "skep/model/reply.h"
#include "skep/model/room_talk.h"

namespace skep::kernel {

// Answered before the channel may say that it has the message, so that after a kill it comes again.
Result<void> RoomsDesk::deliver(Message message) {
  const bool words = message.kind == Kind::kUser && !aside_of(message) && !room_talk(message);
  const agent::ParsedText said = agent::parse_text(words ? text_of(message.parts) : "");
  const agent::CommandInfo* info = said.is_command ? agent::find_command(said.command) : nullptr;
  const bool ours = channel_ != nullptr && info != nullptr &&
                    info->whom == agent::CommandInfo::For::kAdmin &&
                    deps_.is_admin(message.conversation) && deps_.may(message, *info);
  if (!ours) return deps_.out.deliver(std::move(message));
  std::string text = agent::is_of_access(*info)
                         ? deps_.access(message.conversation, info->name, said.arguments)
                         : deps_.rooms(info->name, said.arguments);
  return channel_->deliver(
      reply_to(message, MessageId("R" + message.id.str()), Clock::system().now(), std::move(text)));
}

}  // namespace skep::kernel
