#include "conversation_rules.h"

#include <algorithm>

namespace skep::kernel {
namespace {

const channels::RoomConfig* room_of(const KernelConfig& config, const channels::XmppChannel* xmpp,
                                    std::string_view peer) {
  if (xmpp != nullptr) return xmpp->room_config(peer);
  const auto jid = xmpp::Jid::parse(peer);
  if (!config.xmpp || !jid) return nullptr;
  const auto room = std::ranges::find(config.xmpp->rooms, jid->bare(), &channels::RoomConfig::room);
  return room == config.xmpp->rooms.end() ? nullptr : &*room;
}

}  // namespace

bool is_admin(const KernelConfig& config, const Conversation& conversation) {
  if (conversation.channel == "cli") return true;  // the operating system already knows this person
  return config.xmpp && identity::AllowList(config.xmpp->allow).is_admin(conversation.peer);
}

agent::ConversationSettings settings_of(const KernelConfig& config,
                                        const channels::XmppChannel* xmpp,
                                        const Conversation& conversation) {
  const channels::RoomConfig* room =
      conversation.channel == "xmpp" ? room_of(config, xmpp, conversation.peer) : nullptr;
  if (room == nullptr) return {};
  return {.personality = room->persona,
          .instructions = room->instructions,
          .history_token_budget = room->history_token_budget};
}

}  // namespace skep::kernel
