// Which messages from the network become turns. Nothing here waits.
#pragma once

#include <deque>
#include <string>

#include "bounded_map.h"
#include "flood.h"
#include "skep/channels/xmpp_channel.h"

namespace skep::channels {

enum class Admitted {
  kYes,
  kNo,         // not for us, not allowed or not worth an answer: silence
  kDuplicate,  // accepted before: its receipt may have been lost
  kFlood,      // too fast for the first time: one notice
  kContext,    // kept and not answered: too old, or too much of what an archive held
};

// What is judged.
struct Subject {
  bool words = true;      // false: a gesture, like a reaction, that needs no text
  bool archived = false;  // from our archive: nobody is told that he writes too fast
};

// Programs that answer by themselves: at most kTurnsMax turns within kWindow.
class BotWatch {
 public:
  static constexpr std::size_t kPeersMax = 4096;
  static constexpr std::size_t kTurnsMax = 3;
  static constexpr std::chrono::minutes kWindow{5};

  // Counts a turn; false: a known program has had its turns.
  bool take(const std::string& full_jid, WallTime now);
  // Its pace makes it worth asking what it is (disco#info); true once for each peer.
  bool should_ask(const std::string& full_jid);
  void learnt(const std::string& full_jid, bool is_bot);

 private:
  enum class What { kUnknown, kAsked, kPerson, kBot };
  struct Peer {
    What what = What::kUnknown;
    std::deque<WallTime> turns;  // the newest, at most kTurnsMax
  };
  BoundedMap<Peer> peers_{kPeersMax};
};

class Admission {
 public:
  static constexpr std::size_t kWarnedMax = 4096;

  Admission(const XmppChannelConfig& config, const store::Journal& journal, const Clock& clock,
            XmppChannelStats& stats, const identity::Access* access = nullptr);

  // `chat` is no error, `key` its seen_key(). Counts whatever is not kYes.
  Admitted judge(const xmpp::ChatMessage& chat, const std::string& key, Subject subject = {});
  // Without counting; one warning in the log for each sender and hour when not.
  bool allowed(const xmpp::Jid& who);
  // The same without a word.
  [[nodiscard]] bool permits(const xmpp::Jid& who) const;
  [[nodiscard]] bool is_admin(const xmpp::Jid& who) const;
  // Whether roles have a say ([[users]]), and then whose; who was let in with /allow is a user.
  [[nodiscard]] bool has_roles() const { return allow_.config().people.any(); }
  [[nodiscard]] Role role_of(const xmpp::Jid& who) const;
  // Of a speaker in a room: their own, where their address can be seen, else the room's.
  [[nodiscard]] Role role_in_room(const xmpp::Jid& room, const xmpp::Jid& real) const;
  // Writes down in it what the conversation alone does not tell.
  void mark_role(Message& message, const xmpp::Jid& who) const;
  // By an administrator, whatever else lets them in.
  [[nodiscard]] bool shut_out(const xmpp::Jid& who) const { return blocked(who.bare().str()); }
  // An iq that makes a turn: authorised and not too fast. Counted like messages.
  bool may_act(const xmpp::Jid& who);
  [[nodiscard]] const identity::AllowList& allow_list() const { return allow_; }
  void reload(identity::AllowListConfig allow) {
    allow_ = identity::AllowList(std::move(allow));
    warned_ = BoundedMap<WallTime>(kWarnedMax);
  }
  // What is remembered of an accepted message; empty when it has no id to know it by.
  // `archive_id`: our own archive's, for messages that have no id of their own.
  static std::string seen_key(const xmpp::ChatMessage& chat, const std::string& archive_id = {});
  BotWatch& bots() { return bots_; }

  static constexpr std::string_view kSeenSet = "seen";

 private:
  bool is_ours(const xmpp::Jid& from) const;
  bool is_conversation(const xmpp::ChatMessage& chat, bool words) const;
  bool authorised(const xmpp::Jid& from);
  [[nodiscard]] identity::Verdict verdict(const std::string& address) const;
  [[nodiscard]] bool blocked(const std::string& address) const;
  bool too_old(const xmpp::ChatMessage& chat) const;
  void warn_once(const std::string& who, std::string_view why);

  xmpp::Jid own_;
  bool component_;
  Millis age_max_;
  identity::AllowList allow_;
  const identity::Access* access_;
  const store::Journal& journal_;
  const Clock& clock_;
  XmppChannelStats& stats_;
  FloodLimit flood_;
  BotWatch bots_;
  BoundedMap<WallTime> warned_{kWarnedMax};
};

}  // namespace skep::channels
