// People on XMPP: a component or an account whose chats go to an agent.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "skep/attachments/attachments.h"
#include "skep/base/config.h"
#include "skep/channels/channel.h"
#include "skep/channels/entrypoints_config.h"
#include "skep/channels/presence_config.h"
#include "skep/channels/pubsub_config.h"
#include "skep/channels/rooms_config.h"
#include "skep/channels/signals_config.h"
#include "skep/identity/access.h"
#include "skep/identity/allow_list.h"
#include "skep/identity/directory.h"
#include "skep/store/journal.h"
#include "skep/xmpp/link.h"
#include "skep/xmpp/shared_files.h"

namespace skep::channels {

// [agent] long_reply, long_reply_bytes: answers over `bytes_max` are uploaded and sent as a file
// behind their first paragraph; where that fails, and without `as_file`, they are split.
struct LongReplyConfig {
  bool as_file = false;
  std::size_t bytes_max = 16'384;
};

// [server] or one of [[accounts]] and, where it says so, [agent].
struct XmppChannelConfig {
  xmpp::XmppConfig link;
  // Of [[accounts]]: what names it in the log, in its node's name and in its files; empty:
  // [server].
  std::string label;
  std::string agent;  // who answers: a node's name, "AI.support"; empty: XmppChannelDeps::agent
  Profile profile;    // of every address that is not in `addresses`
  std::vector<EntrypointConfig> addresses;
  // What its conversations have as Conversation::entrypoint, but for `addresses`. [server]:
  // nothing, as ever; [[accounts]]: their address.
  std::string entrypoint;
  PresenceConfig presence;  // [presence]
  // [agent] allowed_jids, allowed_domains, admin_jids, normalised
  identity::AllowListConfig allow;
  std::string agent_name = "Skep";
  // [agent] language: of a message in several languages (xml:lang) this is read, "de" for "de-AT"
  // too; else, and when empty, the first.
  std::string language;
  // [agent]: messages one sender may send in a minute, and at once; over it one notice, then
  // silence until it has cooled.
  int flood_per_minute = 20;
  int flood_burst = 10;
  // [agent] max_message_age_secs: older delayed messages are not answered.
  std::chrono::milliseconds message_age_max{600'000};
  // [agent] reply_max_bytes: longer replies are split at paragraph borders.
  std::size_t reply_bytes_max = 8192;
  LongReplyConfig long_reply;
  bool styling = true;              // [agent]: Markdown to XEP-0393
  std::size_t outbox_max = 10'000;  // [agent]: replies waiting for the network; more are refused
  // [agent] stream_corrections: answers are shown while they are written, in one-to-one chats with
  // clients that announce XEP-0308.
  bool stream_corrections = false;
  // A running turn says "composing" again that often.
  std::chrono::milliseconds composing_refresh{25'000};
  // Component mode: who gets our presence, kept across restarts (<home>/run/xmpp-subscribers.json).
  // Empty: only in memory.
  std::string subscribers_file;
  // Client mode: up to where the archive has been read, kept across restarts
  // (<home>/run/xmpp-archive.json). Empty: only in memory.
  std::string archive_file;
  std::vector<RoomConfig> rooms;  // [[rooms]]
  // Rooms we were invited to, kept across restarts (<home>/run/xmpp-rooms.json). Empty: only in
  // memory.
  std::string rooms_file;
  // Up to where the archives of rooms have been read (<home>/run/xmpp-room-archive.json). Empty:
  // only in memory.
  std::string room_archive_file;
  // Who was greeted when, kept across restarts (<home>/run/xmpp-greeted.json). Empty: in memory.
  std::string greeted_file;
  RoomTimes room_times;
  std::vector<PubSubConfig> pubsub;  // [[pubsub]]; of [server] alone
  SignalsConfig signals;             // [signals]

  // [server] and the keys of [agent] above. Call it without [server] too: those keys are then read
  // and have no effect.
  // [[accounts]] go to `accounts`, if it is given; twice the same id or address is a problem.
  static XmppChannelConfig read(ConfigSection root,
                                std::vector<XmppChannelConfig>* accounts = nullptr);
  static constexpr std::size_t kAccountsMax = 100;
  // The node of an agent that the configuration names ([[pubsub]] agent).
  [[nodiscard]] Name node_of_agent(const std::string& name, const std::string& hive) const;
  // "<directory>/xmpp-subscribers.json", with the label where there is one.
  void keep_files_in(const std::string& directory);
};

// A slash command, for XEP-0050.
struct CommandSpec {
  std::string name;
  std::string arguments;  // "room [password]": words, in brackets when they may be left out
  std::string help;
  bool admin = false;          // where there are no [[users]]
  Role least = Role::kViewer;  // where there are
};

// Another protocol on the same link.
struct XmppGuest {
  std::function<void(xmpp::Features&)> add_features;  // before the link starts
  std::function<bool(const xmpp::Jid&)> may_ask;      // who may see what we are, beside the allowed
  std::function<void(xmpp::Session*)> link;           // a new session; nullptr: none any more
  std::function<Task<bool>(Ctx, const xmpp::Element&)> take;  // a message: true when it was for it
};

struct XmppChannelDeps {
  xmpp::XmppDeps xmpp;
  identity::Directory& directory;
  store::Journal& journal;
  Inbox& out;         // towards the fabric
  Destination agent;  // who answers
  std::string version;
  // The link ended for a reason that trying again cannot mend (wrong password): what failed, why,
  // what to do.
  std::function<void(const Error&)> gave_up;
  // What a previous process accepted and did not finish: none of it is taken a second time.
  std::vector<Message> unfinished = {};
  std::optional<XmppGuest> guest = {};
  std::string hive = "local";  // of the nodes that the configuration names without one
  // Whom administrators let in and shut out; nullptr: nobody.
  identity::Access* access = nullptr;
  // What the agent answers to; each is an ad-hoc command too.
  std::vector<CommandSpec> commands = {};
  attachments::Attachments* files = nullptr;  // null: files cannot be sent
};

// A button beside a question (XEP-0439): what is said when it is pressed, and what stands on it.
struct Choice {
  std::string value;
  std::string label;
  bool operator==(const Choice&) const = default;
};

// Words to somebody who did not ask.
struct Unasked {
  MessageId id;      // said once, however often it is given
  std::string from;  // an address of ours; empty: the one they wrote to last, else the usual one
  std::string behalf_of =
      {};          // a bare JID; with an empty `from`: the address that this one wrote to
  std::string to;  // a JID, or a room we are in
  std::string text;
  std::string thread = {};
  std::vector<Choice> choices = {};
  std::string question = {};       // it shows this one: a thumb on it is an answer
  bool wait_until_online = false;  // where their presence is known; else it goes at once
  bool automatic = true;           // marked so, for programs
  bool noted = true;               // the agent is told, for when they answer
  // What they answer within so long goes to that conversation; 0: it does not.
  std::chrono::milliseconds answers_for{0};
  Conversation asker = {};
};
enum class Posted : std::uint8_t { kQueued, kWaits };
enum class Fate : std::uint8_t { kUnknown, kWaits, kQueued, kSent, kDelivered, kBounced };
inline constexpr std::size_t kFatesMax = 4096;  // older ones are kUnknown again

// What we know of somebody.
struct Contact {
  bool known = false;   // in the roster, or a subscriber of one of our addresses
  bool mutual = false;  // each sees the other's presence
  bool online = false;
  bool room = false;  // a room we are in
  bool operator==(const Contact&) const = default;
};

struct XmppChannelStats {
  std::uint64_t received = 0, answered = 0, duplicates = 0, foreign_domain = 0, not_listed = 0,
                flooded = 0, errors_in = 0, too_old = 0, loops = 0, refused = 0, undelivered = 0,
                ignored = 0, forged_copies = 0, forged_ids = 0, stray_results = 0, context = 0,
                corrections = 0, retractions = 0, reactions = 0, archive_pages = 0, blocked = 0,
                pairings = 0, pairings_failed = 0, deferred = 0, deferred_expired = 0,
                greetings = 0, presence_floods = 0, commands = 0, commands_refused = 0,
                unknown_reactions = 0, events = 0, event_floods = 0, events_refused = 0,
                uploads = 0, upload_failures = 0, false_slots = 0, long_as_files = 0,
                long_as_parts = 0, answers_handed_back = 0;
};

// A file that an agent sends.
struct OutgoingFile {
  std::string name;
  std::string media_type;
  std::string bytes;
  std::string caption;
};

class XmppChannel : public Channel {
 public:
  static Result<std::unique_ptr<XmppChannel>> open(XmppChannelConfig config, XmppChannelDeps deps);
  [[nodiscard]] virtual XmppChannelStats stats() const = 0;
  // About the message that is being answered, by its Message::id. Ok: journaled. The whole set of
  // reactions; none takes them back. kNotFound: no such message is being answered here.
  virtual Result<void> react(const std::string& turn, std::vector<std::string> emojis) = 0;
  virtual Task<Result<void>> share(Ctx ctx, std::string turn, OutgoingFile file) = 0;
  // For others to fetch: with its URL, size and hash. kUnsupported: there is no service for it;
  // kTooLarge: for that; kDenied: it gave an address that may not be used.
  virtual Task<Result<xmpp::SharedFile>> upload(Ctx ctx, xmpp::SharedFile file,
                                                std::string bytes) = 0;
  // What is known of how that person is, in one line of foreign text; empty: nothing.
  virtual std::string signals_of(const std::string& peer) = 0;
  // "/invite room [password]", "/leave room", "/rooms": what to answer an administrator.
  virtual std::string rooms_command(std::string_view command, std::string_view arguments) = 0;
  // [[rooms]] of that address; nullptr: none.
  [[nodiscard]] virtual const RoomConfig* room_config(std::string_view peer) const = 0;

  // [agent] allowed_jids, allowed_domains and admin_jids have changed: from now on, on the same
  // link.
  virtual void reload(identity::AllowListConfig allow) = 0;
  // XmppChannelDeps::access has changed for an address or "@domain".
  virtual void access_changed(const std::string& address) = 0;
  // Ok: journaled. Whether it may be said is the caller's business. kNotFound: a room we are not
  // in. kExhausted: too much waits.
  virtual Result<Posted> post(Unasked unasked) = 0;
  [[nodiscard]] virtual Fate fate(const MessageId& id) = 0;
  [[nodiscard]] virtual Contact contact(std::string_view address) const = 0;
  [[nodiscard]] virtual bool is_admin(std::string_view address) const = 0;  // as it stands now
};

// A stanza from an authorised person as a Message: pure.
Message to_message(const xmpp::ChatMessage& chat, const Ilk& from, const Destination& agent,
                   WallTime now);

}  // namespace skep::channels
