// From the network to the agent: one stanza after the other, so that nobody's messages overtake
// each other.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admission.h"
#include "entrypoints.h"
#include "presence.h"
#include "reception.h"
#include "reply.h"
#include "rooms.h"
#include "second_thoughts.h"
#include "skep/async/wait.h"
#include "skep/model/aside.h"
#include "turns.h"

namespace skep::channels {

// Loop thread only.
class Inbound {
 public:
  static constexpr std::size_t kWaitingMax =
      10'000;  // stanzas; further messages are refused with resource-constraint
  static constexpr std::size_t kInARowMax = 4;   // stanzas, before what they caused gets its turn
  static constexpr std::size_t kSentMax = 4096;  // ids of our messages whose errors we recognise

  struct Deps {
    XmppChannelDeps& channel;
    Admission& admission;
    Presence& presence;
    Reception& reception;
    Quotes& quotes;
    Peers& peers;
    Turns& turns;
    XmppChannelStats& stats;
    std::function<void(const xmpp::Element&)> say;
    // A reply of ours with this id, that may not have arrived, has: it is in the archive.
    std::function<bool(const std::string& id)> is_reply;
    // disco#info in the background, from the address that was written to.
    std::function<void(const xmpp::Jid& who, const xmpp::Jid& from)> ask_what;
    Rooms& rooms;
    bool with_from = true;
    const Entrypoints& entrypoints;
    // A message with a publish-subscribe event; true: it is dealt with.
    std::function<Task<bool>(Ctx, xmpp::Element)> events = {};
    bool asks_features = false;  // what writers' clients can do matters
    // A message of ours with this id showed an answer in part.
    std::function<bool(const std::string& id)> is_draft = {};
    // A message of ours has arrived (XEP-0184), or came back.
    std::function<void(const std::string& id, const xmpp::Jid& by)> arrived;
    std::function<void(const std::string& id)> bounced;
    // The question of ours that this message shows; empty: none.
    std::function<std::string(const std::string& id)> question;
    // Hands on what answers words that the agent wrote for somebody: to that conversation.
    std::function<Task<std::optional<Conversation>>(Ctx, const Received&, std::string seen)>
        answers = {};
    // Somebody was let in by a code: administrators are told.
    std::function<void(const identity::AccessEntry&)> paired;
  };
  explicit Inbound(Deps deps) : deps_(std::move(deps)) {}

  // From the link; never waits. `hold` is let go when the stanza has been dealt with: a message
  // that becomes a turn is in the agent's journal then.
  void take(xmpp::Element stanza, std::shared_ptr<void> hold = {});
  // Works until close() and everything taken before is done.
  Task<void> run(Ctx ctx);
  void close();
  // After close(): until run() has ended, or the Ctx.
  Task<void> finished(Ctx ctx);
  // A message of ours is out: its error, should one come, is known.
  void sent(const std::string& id, const std::string& to);
  // Of our addresses without anything of their own, the one that somebody wrote to last; nullptr:
  // none that is remembered.
  [[nodiscard]] const xmpp::Jid* address_for(const std::string& bare) {
    return written_to_.find(bare);
  }

 private:
  Task<void> handle(Ctx ctx, const xmpp::Element& stanza);
  Task<void> on_message(Ctx ctx, const xmpp::Element& stanza);
  // One admitted message; `seen` is its key. With an Aside it gets no answer.
  struct Heard {
    const Received& received;
    const xmpp::ChatMessage& chat;
    const std::string& seen;
    std::optional<Aside> aside = std::nullopt;
  };
  Task<void> on_words(Ctx ctx, Received& received);
  Task<void> on_gesture(Ctx ctx, const Received& received);
  Task<void> on_own_words(Ctx ctx, const Received& received);
  std::string worded(const Received& received);
  bool said_by_this_agent(const Received& received) const;
  // Of which replies it may be: "ID-2" is a part of ID, and some ids have a dash of their own.
  static std::vector<std::string> replies_of(const std::string& stanza_id);
  bool is_sent_id(const std::string& id) const;
  static bool is_gesture(const xmpp::References& about);
  Task<void> hand_over(Ctx ctx, Heard heard);
  Task<void> note_handed_back(Ctx ctx, const Received& received, const Conversation& where);
  Result<void> deliver(const Heard& heard, const Ilk& from);
  Result<void> deliver_aside(Message message, const Heard& heard);
  Result<void> deliver_words(Message message, const Heard& heard);
  void on_error(const xmpp::ChatMessage& chat);
  bool take_code(const xmpp::ChatMessage& chat, const std::string& seen);
  bool remember_seen(const std::string& seen);
  bool answers_question(const Received& received, xmpp::ChatMessage& chat) const;
  void on_presence(const xmpp::Element& stanza);
  void refuse(const xmpp::Element& stanza, const Error& why);
  void refuse(const Received& received, const Error& why);
  void refuse_unread(const xmpp::Element& stanza);
  void acknowledge(const xmpp::ChatMessage& chat);
  Correspondence correspondence(const xmpp::ChatMessage& chat) const;

  Deps deps_;
  struct Waiting {
    xmpp::Element stanza;
    std::shared_ptr<void> hold;
  };
  Queue<Waiting> waiting_{kWaitingMax};
  bool running_ = false;
  bool closed_ = false;
  Signal ended_;
  BoundedMap<xmpp::Jid> written_to_{kSentMax};
  BoundedMap<std::string> sent_{kSentMax};  // id -> the full JID it went to
};

}  // namespace skep::channels
