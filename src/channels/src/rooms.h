// All rooms of one XMPP node: who is in which, what is said there, and what of it the agent hears.
#pragma once

#include <map>
#include <memory>

#include "admission.h"
#include "room_archive.h"
#include "room_outbox.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/model/room_talk.h"
#include "skep/xmpp/references.h"
#include "turns.h"

namespace skep::channels {

// "Helper Bot" -> "helper-bot": what an agent of a component is called in addresses.
std::string local_part(std::string_view name);

struct RoomStats {
  std::uint64_t heard = 0;         // messages noted as context
  std::uint64_t asked = 0;         // messages given to the agent to be answered
  std::uint64_t answered = 0;      // replies that the room showed
  std::uint64_t undelivered = 0;   // replies that it never showed
  std::uint64_t strays = 0;        // from rooms we are not in
  std::uint64_t unauthorised = 0;  // addressed to us by people who may not
  std::uint64_t automatic = 0;     // addressed to us by programs
  std::uint64_t too_fast = 0;      // over turns_per_minute, or one person's flood limit
  std::uint64_t duplicates = 0;
  std::uint64_t forged_history = 0;  // "delayed" after the history had ended
  std::uint64_t bounced = 0;
  std::uint64_t from_archive = 0;      // read in a room's archive after an absence
  std::uint64_t unknown_gestures = 0;  // reactions to, and retractions of, what is not known
  std::uint64_t invited = 0;           // invitations accepted
  std::uint64_t declined = 0;          // and not
};

// Loop thread only. Owned by the XmppChannel, which hands it what comes from rooms.
class Rooms {
 public:
  static constexpr std::string_view kSeenSet = "seen-rooms";
  static constexpr std::chrono::seconds kPingTimeout{20};
  static constexpr std::chrono::seconds kLastWordsTimeout{1};
  static constexpr std::chrono::seconds kNoticePause{60};  // between our own words in one room

  struct Deps {
    const XmppChannelConfig& config;
    XmppChannelDeps& channel;
    Admission& admission;
    Turns& turns;
    Gate& gate;
    std::function<Result<void>(const xmpp::Element&)> send;  // fails while the link is down
    std::function<Task<Result<xmpp::Element>>(Ctx, xmpp::Element)> request;
    // To one person, or to a room: then it comes back to say(), perhaps later.
    std::function<Result<void>(OutgoingReply)> post;
    // disco#info of somebody in a room, from our address there.
    std::function<void(const xmpp::Jid& who, const xmpp::Jid& from)> ask_what;
  };
  explicit Rooms(Deps deps);

  void start();
  void up();
  void down();
  // Until what was said has been shown; bounded.
  Task<void> drained(Ctx ctx);
  void leave_all();  // before an orderly end

  // From the network. True: it was about a room, and is dealt with.
  Task<bool> take_message(Ctx ctx, const xmpp::Element& stanza, const xmpp::ChatMessage& chat);
  bool take_presence(const xmpp::Element& stanza);
  // It is on its way in. True: to take_archived().
  bool arriving(const xmpp::Element& stanza);
  // True: it was a result of a room's archive, and is dealt with.
  Task<bool> take_archived(Ctx ctx, const xmpp::Element& stanza);
  void save() { archive_.save(); }

  // Whether a reply (or progress) goes to a room or to somebody in one. Replies then go to reply().
  [[nodiscard]] bool is_for_room(const Message& message) const;
  Result<void> reply(Message message, const Asked& asked, Extras extras = {});
  // A reply() of type "groupchat", as it is to be sent. Ok: journaled, or its room is gone.
  Result<void> say(OutgoingReply reply);
  [[nodiscard]] bool knows(const MessageId& reply) const { return outbox_.knows(reply); }

  // "/invite room [password]", "/leave room", "/rooms".
  std::string command(std::string_view command, std::string_view arguments);
  // Of the configuration; nullptr for others.
  [[nodiscard]] const RoomConfig* config_of(std::string_view peer) const;
  [[nodiscard]] std::vector<std::string> status_lines() const;
  [[nodiscard]] json::object status() const;
  [[nodiscard]] const RoomStats& stats() const { return stats_; }

 private:
  // One message of a room, read.
  struct Said {
    Room& room;
    const xmpp::Element& stanza;
    const xmpp::ChatMessage& chat;
    xmpp::MucMessage muc;
    Occupant speaker;
    std::string key;  // of the speaker
    std::string seen;
    bool history = false;
    bool is_private = false;
    std::string label;  // of the speaker, for the transcript
  };
  enum class Heard { kNote, kAnswer };
  // A message of which the room has told us its id.
  struct SaidBefore {
    std::string key;    // of its speaker; empty: it is ours
    std::string label;  // as it stands in the transcript
    std::string id;
    std::string begins;
  };

  Task<void> run(Ctx ctx);
  std::optional<SteadyTime> due() const;
  Result<Room*> room_for(const Message& message);  // null: counted, and dealt with
  Room* find(const xmpp::Jid& bare) const;
  Room& add(RoomConfig config, const xmpp::Jid& address, bool invited);
  Room::Deps room_deps();
  void sweep();
  void came_in(Room& room);
  void ended(Room& room, const Room::Deps::End& end);
  void ping(Room& room);
  Task<void> self_ping(Ctx ctx, xmpp::Jid room, xmpp::Jid from, xmpp::Jid occupant);
  Task<void> unlock(Ctx ctx, xmpp::Jid room, xmpp::Jid from);
  Task<void> ask_features(Ctx ctx, xmpp::Jid room, xmpp::Jid from);
  void tell_admins(const std::string& text);

  // room_talk.cc
  Task<void> on_groupchat(Ctx ctx, Room& room, const xmpp::Element& stanza,
                          const xmpp::ChatMessage& chat);
  struct Spoken {
    const xmpp::Element& stanza;
    const xmpp::ChatMessage& chat;
    xmpp::MucMessage muc;
    bool history = false;
  };
  Task<void> hear(Ctx ctx, Room& room, Spoken spoken);
  Task<void> catch_up(Ctx ctx, xmpp::Jid room, xmpp::Jid from, bool has_archive);
  Task<void> on_private(Ctx ctx, Room& room, const xmpp::Element& stanza,
                        const xmpp::ChatMessage& chat);
  bool on_bounce(Room& room, const xmpp::ChatMessage& chat);
  bool is_own(Room& room, const xmpp::ChatMessage& chat, const xmpp::MucMessage& muc);
  void remember_own(Room& room, const xmpp::ChatMessage& chat, const xmpp::MucMessage& muc);
  Occupant speaker_of(const Room& room, const xmpp::ChatMessage& chat,
                      const xmpp::MucMessage& muc) const;
  bool is_addressed(const Said& said) const;
  Heard judge(Said& said, bool addressed);
  bool authorised(const Room& room, const Occupant& speaker) const;
  bool may_manage(const Room& room, const Occupant& speaker) const;
  void notice(Room& room, std::string_view text);
  Message to_room_message(const Said& said, Heard heard, const Ilk& from) const;
  void mark_role(Message& message, const Said& said) const;
  Message to_private_message(const Said& said, const Ilk& from) const;
  Task<void> hand_over(Ctx ctx, Said said, Heard heard);
  Result<void> deliver(const Said& said, Message message, bool answer);
  std::string private_peer(const Room& room, const std::string& key) const;

  // room_gestures.cc
  void remember_said(Room& room, const xmpp::MucMessage& muc, SaidBefore said);
  std::string quote_for(const Room& room, const Asked& asked);
  Task<void> on_gesture(Ctx ctx, Said said, xmpp::References about);

  // invitations.cc
  bool take_invite(const xmpp::Element& stanza);
  bool may_invite(const xmpp::MucInvite& invite);
  void accept(const xmpp::MucInvite& invite, const xmpp::Jid& address);
  void load_bookmarks();
  void save_bookmarks() const;
  std::string come_in(std::string_view arguments);
  std::string go_out(std::string_view arguments);
  std::string list() const;

  Deps deps_;
  const bool component_;
  RoomStats stats_;
  std::map<xmpp::Jid, std::unique_ptr<Room>> rooms_;
  std::vector<xmpp::Jid> forgotten_;  // to be taken out of rooms_ when nobody looks at them
  RoomOutbox outbox_;
  FloodLimit people_;
  FloodLimit inviters_{6, 6};
  std::map<xmpp::Jid, FloodLimit> pace_;
  std::map<xmpp::Jid, SteadyTime> noticed_;
  BoundedMap<bool> own_ids_{4096};  // of messages that were ours, for replies to them
  RoomArchive archive_;
  BoundedMap<SaidBefore> said_{4096};  // by room and stanza id
  Signal changed_;
};

}  // namespace skep::channels
