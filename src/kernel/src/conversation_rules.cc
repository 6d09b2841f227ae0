#include "conversation_rules.h"

#include <algorithm>

#include "xmpp_side.h"

namespace skep::kernel {
namespace {

using channels::RoomConfig;
using channels::XmppChannelConfig;

// Whose conversation it is, or the first; null without XMPP.
const XmppChannelConfig* channel_of(const KernelConfig& config, const Conversation& conversation) {
  if (conversation.channel != "xmpp" || !config.has_xmpp()) return nullptr;
  if (config.xmpp && answers_at(*config.xmpp, conversation.entrypoint)) return &*config.xmpp;
  for (const XmppChannelConfig& account : config.xmpp_accounts) {
    if (answers_at(account, conversation.entrypoint)) return &account;
  }
  return config.xmpp ? &*config.xmpp : &config.xmpp_accounts.front();
}

// [agent] admin_jids, of any account.
bool is_configured_admin(const KernelConfig& config, const std::string& peer) {
  const auto lists = [&](const XmppChannelConfig& one) {
    return std::ranges::find(one.allow.admins, peer) != one.allow.admins.end();
  };
  return (config.xmpp && lists(*config.xmpp)) || std::ranges::any_of(config.xmpp_accounts, lists);
}

const RoomConfig* room_of(const KernelConfig& config, const XmppSide* xmpp,
                          const Conversation& conversation) {
  if (xmpp != nullptr) return xmpp->room_config(conversation);
  const XmppChannelConfig* channel = channel_of(config, conversation);
  const auto jid = xmpp::Jid::parse(conversation.peer);
  if (channel == nullptr || !jid) return nullptr;
  const auto room = std::ranges::find(channel->rooms, jid->bare(), &RoomConfig::room);
  return room == channel->rooms.end() ? nullptr : &*room;
}

}  // namespace

std::string xmpp_node_name(const XmppChannelConfig& config) {
  return config.label.empty() ? "IO.xmpp" : "IO.xmpp." + config.label;
}

std::vector<std::string> xmpp_node_names(const KernelConfig& config) {
  std::vector<std::string> names;
  for (const XmppChannelConfig& one : config.xmpp_nodes()) names.push_back(xmpp_node_name(one));
  return names;
}

bool answers_at(const XmppChannelConfig& config, const std::string& entrypoint) {
  if (entrypoint.empty()) return false;
  const std::size_t at = entrypoint.find('@');
  const std::string_view domain =
      std::string_view(entrypoint).substr(at == std::string::npos ? 0 : at + 1);
  const xmpp::Jid own = config.link.address();
  return own.str() == entrypoint || (own.local().empty() && own.domain() == domain);
}

bool is_admin(const KernelConfig& config, const XmppSide* xmpp, const Conversation& conversation) {
  if (conversation.channel == "agent" || conversation.channel == "job")
    return false;  // a model speaks, or a schedule
  // The operating system already knows this person.
  if (conversation.channel == "cli")
    return !config.people.names(conversation.peer) ||
           config.people.role_of(conversation.peer) >= Role::kAdmin;
  if (xmpp != nullptr) return xmpp->is_admin(conversation);
  const XmppChannelConfig* channel = channel_of(config, conversation);
  return channel != nullptr && identity::AllowList(channel->allow).is_admin(conversation.peer);
}

std::optional<Role> role_of(const KernelConfig& config, const Message& message) {
  const auto& [channel, peer, thread, entrypoint] = message.conversation;
  if (!config.people.any()) return std::nullopt;
  if (const auto said = role_in(message)) return said;
  if (channel == "agent" || (channel == "job" && peer == "self")) return std::nullopt;
  if (channel == "cli" || (channel == "job" && identity::is_of_terminal(peer)))
    return config.people.names(peer) ? config.people.role_of(peer) : Role::kOwner;
  if (channel == "hive") return config.people.role_of(peer);
  // A server on the network may be called "cli"; its people are not those of the terminal.
  if ((channel != "xmpp" && channel != "job") || identity::is_of_terminal(peer)) return Role::kNone;
  return is_configured_admin(config, peer) ? Role::kOwner : config.people.role_of(peer);
}

agent::ConversationSettings settings_of(const KernelConfig& config, const XmppSide* xmpp,
                                        const Conversation& conversation) {
  const RoomConfig* room = room_of(config, xmpp, conversation);
  if (room == nullptr)
    return {.context = xmpp != nullptr ? xmpp->signals_of(conversation) : std::string()};
  return {.personality = room->persona,
          .instructions = room->instructions,
          .history_token_budget = room->history_token_budget};
}

void take_allow_lists(KernelConfig& config, const KernelConfig& fresh) {
  config.people = fresh.people;
  if (config.xmpp && fresh.xmpp) config.xmpp->allow = fresh.xmpp->allow;
  for (XmppChannelConfig& one : config.xmpp_accounts) {
    const auto same = std::ranges::find(fresh.xmpp_accounts, one.label, &XmppChannelConfig::label);
    if (same != fresh.xmpp_accounts.end()) one.allow = same->allow;
  }
}

}  // namespace skep::kernel
