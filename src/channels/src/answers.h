// What people say to words that somebody had the agent write to them: it goes back there.
#pragma once

#include <functional>
#include <list>
#include <string>

#include "reception.h"
#include "skep/channels/xmpp_channel.h"
#include "skep/model/message.h"
#include "skep/store/journal.h"

namespace skep::channels {

// In the journal, kind "awaited", entry id "awaited:" and the id of our message, until the time is
// up. Loop thread only.
class Answers {
 public:
  static constexpr std::size_t kAwaitedMax = 1000;    // of all; the oldest is let go
  static constexpr std::size_t kAnswersMax = 5;       // to one of our messages
  static constexpr std::size_t kBodyBytesMax = 4096;  // of an answer; the rest is left out, visibly
  static constexpr std::size_t kShownBytesMax = 200;  // of our words, beside it
  static constexpr std::string_view kJournalKind = "awaited";

  struct Deps {
    store::Journal& journal;
    const Clock& clock;
    XmppChannelStats& stats;
    // As a message of that person to the conversation; ok: it is in the agent's journal.
    std::function<Task<Result<void>>(Ctx, Message, const xmpp::Jid& from)> hand_over;
    // Whether that conversation may still have a turn.
    std::function<bool(const Conversation&)> may_hear;
  };
  explicit Answers(Deps deps) : deps_(std::move(deps)) {}

  struct Awaited {
    std::string id;  // of our message
    xmpp::Jid from;  // the address of ours that spoke; empty for an account
    xmpp::Jid to;    // bare
    Conversation asker;
    std::string said;
    WallTime until{};
    std::size_t answers = 0;  // that have gone back
  };
  void restore();  // once, before anything else
  // Ok: in the journal. The same id again: nothing happens.
  Result<void> await(Awaited awaited);
  void give_up(const std::string& id);  // it did not arrive
  // A message of somebody, if it is an answer: it names one of ours (a reply, XEP-0461), or is
  // their first word since the newest that nobody has answered. Gives whose conversation has it.
  // `seen` is what it is remembered by.
  Task<std::optional<Conversation>> take(Ctx ctx, const Received& received, std::string seen);
  [[nodiscard]] std::size_t size() const { return awaited_.size(); }

 private:
  using At = std::list<Awaited>::iterator;
  At find(const Received& received);
  void drop(At at);
  void drop_old();
  [[nodiscard]] Message message_for(const Awaited& awaited, const Received& received) const;

  Deps deps_;
  std::list<Awaited> awaited_;  // oldest first
};

}  // namespace skep::channels
