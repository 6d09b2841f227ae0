// Whom a person of another hive is for us.
#pragma once

#include <string>
#include <string_view>

#include "skep/model/message.h"
#include "skep/model/role.h"

namespace skep::fabric {

// What another hive says about its people holds in that hive alone: there "cli" may be its
// administrator, and "ann" is not our Ann. So their conversations stand apart, as
// "hive:<id>/<channel>/<peer>" on channel "hive", and rights that hang on a channel end at the
// border. To be called once, where a message reaches its inbox.
inline void mark_from_afar(Message& message, std::string_view own_hive) {
  if (!message.src_name || message.src_name->hive() == own_hive) return;
  if (message.kind != Kind::kUser || message.conversation.peer.empty()) return;
  drop_role(message);
  Conversation& conversation = message.conversation;
  conversation.peer = fmt::format("hive:{}/{}/{}", message.src_name->hive(), conversation.channel,
                                  conversation.peer);
  conversation.channel = "hive";
}

}  // namespace skep::fabric
