// All XMPP nodes of a process: [server] and each of [[accounts]], and what they have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node_out.h"
#include "rooms_desk.h"
#include "skep/channels/xmpp_channel.h"
#include "skep/identity/access.h"
#include "skep/identity/contacts.h"
#include "skep/store/named_journal.h"

namespace skep::kernel {

// The agent's slash commands.
std::vector<channels::CommandSpec> command_specs(const KernelConfig& config);

// Loop thread only. What it is given outlives it.
class XmppSide {
 public:
  struct Deps {
    xmpp::XmppDeps xmpp;
    identity::Directory& directory;
    identity::Access& access;
    identity::Contacts& contacts;
    store::Journal& journal;
    Destination agent;  // who answers where the configuration names nobody
    std::string hive;
    std::string version;
    std::function<void(const Error&)> gave_up;
    std::vector<Message> unfinished;
    std::vector<channels::CommandSpec> commands;
    attachments::Attachments* files = nullptr;
    std::optional<channels::XmppGuest> guest = {};  // on the first of them
    bool serves_commands = false;  // of administrators: the agent is in another process
    // Then: whether the role of who wrote it is enough for a command.
    std::function<bool(const Message&, const agent::CommandInfo&)> may = {};
  };
  // A node for each configuration, in their order.
  static Result<std::unique_ptr<XmppSide>> open(
      const std::vector<channels::XmppChannelConfig>& configs, const Deps& deps);

  // Puts one node on the fabric.
  using Attach = std::function<Result<void>(const Name& name, Inbox& inbox, NodeOut& out)>;
  // "IO.xmpp", and "IO.xmpp.<id>" for accounts. Once.
  Result<void> attach(const std::string& hive, const Attach& attach);
  void start();
  Task<void> close(Ctx ctx);

  // By the first one's server; XmppChannel::upload().
  Task<Result<xmpp::SharedFile>> upload(Ctx ctx, xmpp::SharedFile file, std::string bytes) {
    return nodes_.front()->channel->upload(std::move(ctx), std::move(file), std::move(bytes));
  }
  std::string rooms_command(std::string_view command, std::string_view arguments);
  // "/allow", "/block", "/pair", "/contacts", "/reload" of an administrator: the answer. See
  // docs/access.md.
  std::string access_command(const Conversation& who, std::string_view command,
                             std::string_view arguments);
  [[nodiscard]] bool is_admin(const Conversation& conversation) const;
  // What the person says of themselves now; empty: nothing is known.
  [[nodiscard]] std::string signals_of(const Conversation& conversation) const;
  [[nodiscard]] const channels::RoomConfig* room_config(const Conversation& conversation) const;
  [[nodiscard]] std::vector<std::string> status_lines(bool admin) const;
  // Of the first; the others stand in "accounts".
  [[nodiscard]] json::object status() const;
  // Of the first one's link, when it has one.
  [[nodiscard]] std::optional<json::object> link_status() const;
  // The lists of a configuration that was read again. Everything else keeps until a restart.
  void reload(const std::vector<channels::XmppChannelConfig>& configs);
  // Whose conversation it is, or the first.
  [[nodiscard]] channels::XmppChannel& channel_of(const Conversation& conversation) const;

  // Reads the configuration again; what the person is told. Empty: there is no file to read.
  std::function<std::string()> on_reload;

 private:
  struct Node {
    channels::XmppChannelConfig config;
    std::unique_ptr<store::Journal> journal;  // nullptr: the first has the whole one
    NodeOut out;
    std::unique_ptr<RoomsDesk> desk;  // between channel and out, where commands are served
    std::unique_ptr<channels::XmppChannel> channel;
  };
  XmppSide(identity::Access& access, identity::Contacts& contacts)
      : access_(access), contacts_(contacts) {}
  void serve_commands(Node& node, const Deps& deps);
  std::string change(const Conversation& who, std::string_view address, bool block);
  std::string pair(const Conversation& who, std::string_view arguments);
  [[nodiscard]] std::string list(bool blocked) const;

  identity::Access& access_;
  identity::Contacts& contacts_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace skep::kernel
