// XEP-0050: every slash command as an ad-hoc command. The agent answers it as it answers the slash
// command, so who may use one is decided in one place.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "skep/async/gate.h"
#include "skep/channels/xmpp_channel.h"
#include "skep/xmpp/dataform.h"
#include "skep/xmpp/features.h"

namespace skep::channels {

// Words for the agent in somebody's name.
struct AskAgent {
  MessageId id;
  xmpp::Jid address;  // ours
  xmpp::Jid who;
  std::string text;
};

// Loop thread only.
class AdHoc {
 public:
  static constexpr std::size_t kSessionsMax = 500;  // forms being filled in; the oldest is dropped
  static constexpr std::size_t kOnePersonMax = 10;  // of one person; more are refused
  static constexpr std::size_t kRunningMax = 500;   // commands whose answer is not there yet
  static constexpr std::size_t kValueBytesMax = 4096;  // of one argument
  static constexpr std::chrono::minutes kSessionAge{10};
  // A command that waits for a running turn is answered by a message then.
  static constexpr std::chrono::seconds kAnswerTimeout{20};

  struct Deps {
    const std::vector<CommandSpec>& commands;
    Gate& gate;
    const Clock& clock;
    XmppChannelStats& stats;
    std::function<bool(const xmpp::Jid& who)> may_act;  // counts towards their flood limit
    std::function<bool(const xmpp::Jid& who)> may_look;
    std::function<bool(const xmpp::Jid& who)> is_admin;
    std::function<std::optional<Role>(const xmpp::Jid& who)> role_of;  // none: roles have no say
    std::function<void(const xmpp::Element&)> say;
    // Gives the text to who answers at `address`, as from `who`.
    std::function<Task<Result<void>>(Ctx, AskAgent)> ask;
  };
  explicit AdHoc(Deps deps) : deps_(std::move(deps)) {}

  void add_to(xmpp::Features& features);
  // True: it was the answer to a command, which has it now.
  bool take_reply(const Message& reply);
  void down();  // the link is lost, and with it who waits

  // What is typed for a command with these form values. Pure. kInvalid: a required one is missing.
  static Result<std::string> line_of(const CommandSpec& command,
                                     const std::map<std::string, std::string>& values);
  static xmpp::DataForm form_of(const CommandSpec& command);

 private:
  struct Session {
    std::string who;  // full JID
    std::string address;
    std::string node;
    WallTime since{};
  };
  struct Running {
    xmpp::Element iq;
    std::string node;
    std::string session;
  };

  bool take(const xmpp::Element& iq);
  std::optional<xmpp::Element> step(const xmpp::Element& iq, const xmpp::Jid& who,
                                    const xmpp::CommandRequest& request);
  std::optional<xmpp::Element> begin(const xmpp::Element& iq, const xmpp::Jid& who,
                                     const CommandSpec& command);
  std::optional<xmpp::Element> go_on(const xmpp::Element& iq, const xmpp::Jid& who,
                                     const xmpp::CommandRequest& request);
  std::optional<xmpp::Element> run(const xmpp::Element& iq, const xmpp::Jid& who,
                                   const std::string& node, std::string session, std::string line);
  Task<void> run_later(Ctx ctx, std::string key, std::string line);
  void answer(const std::string& key, std::string note, bool is_error);
  std::optional<std::vector<xmpp::Element>> items(const xmpp::Element& iq, const std::string& node);
  std::optional<xmpp::Element> info(const xmpp::Element& iq, const std::string& node);
  const CommandSpec* find(std::string_view node) const;
  bool allowed(const CommandSpec& command, const xmpp::Jid& who) const;
  void drop_old();

  Deps deps_;
  std::map<std::string, Session> sessions_;  // by id, which sorts by time
  std::map<std::string, Running> running_;   // by a key of ours
  std::map<std::string, std::string> keys_;  // message id -> that key
};

}  // namespace skep::channels
