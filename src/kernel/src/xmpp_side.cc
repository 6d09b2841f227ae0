#include "xmpp_side.h"

#include <algorithm>

#include "conversation_rules.h"

namespace skep::kernel {

using channels::XmppChannelConfig;

Result<std::unique_ptr<XmppSide>> XmppSide::open(const std::vector<XmppChannelConfig>& configs,
                                                 const Deps& deps) {
  std::unique_ptr<XmppSide> side(new XmppSide(deps.access, deps.contacts));
  for (const XmppChannelConfig& config : configs) {
    auto node = std::make_unique<Node>();
    node->config = config;
    if (!config.label.empty())
      node->journal = std::make_unique<store::NamedJournal>(deps.journal, config.label);
    if (deps.serves_commands) side->serve_commands(*node, deps);
    channels::XmppChannelDeps channel{
        .xmpp = deps.xmpp,
        .directory = deps.directory,
        .journal = node->journal ? *node->journal : deps.journal,
        .out = node->desk ? static_cast<Inbox&>(*node->desk) : node->out,
        .agent = deps.agent,
        .version = deps.version,
        .gave_up = deps.gave_up,
        .unfinished = deps.unfinished,
        .guest = side->nodes_.empty() ? deps.guest : std::nullopt,
        .hive = deps.hive,
        .access = &deps.access,
        .commands = deps.commands,
        .files = deps.files};
    auto opened = channels::XmppChannel::open(config, std::move(channel));
    if (!opened) {
      const std::string where = config.label.empty() ? "[server]" : "[[accounts]] " + config.label;
      return fail(opened.error().code, fmt::format("{}: {}", where, opened.error().message));
    }
    node->channel = *std::move(opened);
    if (node->desk) node->desk->serve(*node->channel);
    side->nodes_.push_back(std::move(node));
  }
  return side;
}

void XmppSide::serve_commands(Node& node, const Deps& deps) {
  RoomsDesk::Deps desk{
      .out = node.out,
      .is_admin = [this](const Conversation& who) { return is_admin(who); },
      .may = deps.may,
      .rooms = [this](std::string_view command,
                      std::string_view words) { return rooms_command(command, words); },
      .access = [this](const Conversation& who, std::string_view command,
                       std::string_view words) { return access_command(who, command, words); }};
  node.desk = std::make_unique<RoomsDesk>(std::move(desk));
}

Result<void> XmppSide::attach(const std::string& hive, const Attach& attach) {
  for (const auto& node : nodes_) {
    SKEP_TRY(const Name name, Name::parse(xmpp_node_name(node->config), hive));
    SKEP_TRY_VOID(attach(name, *node->channel, node->out));
  }
  return {};
}

void XmppSide::start() {
  for (const auto& node : nodes_) node->out.start();
  for (const auto& node : nodes_) node->channel->start();
}

Task<void> XmppSide::close(Ctx ctx) {
  for (const auto& node : nodes_) co_await node->channel->close(ctx);
  for (const auto& node : nodes_) co_await node->out.close(ctx);
}

std::optional<json::object> XmppSide::link_status() const { return nodes_.front()->out.status(); }

channels::XmppChannel& XmppSide::channel_of(const Conversation& conversation) const {
  for (const auto& node : nodes_) {
    if (answers_at(node->config, conversation.entrypoint)) return *node->channel;
  }
  return *nodes_.front()->channel;
}

// The rooms of [server]; those of accounts are in their [[rooms]].
std::string XmppSide::rooms_command(std::string_view command, std::string_view arguments) {
  return nodes_.front()->channel->rooms_command(command, arguments);
}

bool XmppSide::is_admin(const Conversation& conversation) const {
  if (conversation.channel != "xmpp" || nodes_.empty()) return false;
  return channel_of(conversation).is_admin(conversation.peer);
}

std::string XmppSide::signals_of(const Conversation& conversation) const {
  if (conversation.channel != "xmpp" || nodes_.empty()) return {};
  return channel_of(conversation).signals_of(conversation.peer);
}

const channels::RoomConfig* XmppSide::room_config(const Conversation& conversation) const {
  if (conversation.channel != "xmpp") return nullptr;
  return channel_of(conversation).room_config(conversation.peer);
}

std::vector<std::string> XmppSide::status_lines(bool admin) const {
  std::vector<std::string> lines;
  for (const auto& node : nodes_) {
    for (std::string& line : node->channel->status_lines(admin)) lines.push_back(std::move(line));
  }
  return lines;
}

json::object XmppSide::status() const {
  json::object status = nodes_.front()->channel->status();
  json::array others;
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    json::object one = nodes_[i]->channel->status();
    one["id"] = nodes_[i]->config.label;
    others.push_back(std::move(one));
  }
  if (!others.empty()) status["accounts"] = std::move(others);
  return status;
}

void XmppSide::reload(const std::vector<XmppChannelConfig>& configs) {
  for (const auto& node : nodes_) {
    const auto same = std::ranges::find(configs, node->config.label, &XmppChannelConfig::label);
    if (same != configs.end()) node->channel->reload(same->allow);
  }
}

}  // namespace skep::kernel
