// The one thing that moves on the fabric, and the one face that takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/result.h"
#include "skep/model/name.h"
#include "skep/model/part.h"

namespace skep {

struct MessageIdTag;
using MessageId = StrongId<MessageIdTag>;  // a ULID, minted once; also the id that goes on the wire

// Where a message goes. Broadcast reaches every node but the sender, `target` filters by name glob
// (empty: all).
struct Broadcast {
  std::string target;
  bool operator==(const Broadcast&) const = default;
};
struct Unresolved {  // the fabric decides (default target, later policy)
  bool operator==(const Unresolved&) const = default;
};
using Destination = std::variant<Unresolved, Name, NodeId, Broadcast>;

enum class Kind : std::uint8_t {
  kUser = 1,   // somebody says something to an agent
  kReply = 2,  // the one final answer to a kUser message; `in_reply_to` names it
  kProgress =
      3,         // a turn's live events for the channel that asked: never journaled, may be dropped
  kSystem = 4,   // the fabric's own words (UNREACHABLE, CONFIG_CHANGED, …); `action` says which
  kControl = 5,  // any other type of the node protocol (admin, command, query, …): meta["type"]
};

// Who talks with whom, through what. Equal conversations share history and one serial lane.
struct Conversation {
  std::string channel;  // "xmpp", "cli"
  std::string peer;     // the other party's canonical address: a bare JID, "ann@cli"
  std::string thread;   // XEP-0201 thread or empty for the default session
  // The address of ours that was written to, where a channel has several
  // ("support@agents.example"); empty: its only or usual one.
  std::string entrypoint = {};
  bool operator==(const Conversation&) const = default;
  auto operator<=>(const Conversation&) const = default;
};

// Where the reply must go, opaque to everyone but the channel that wrote it. For XMPP: from = the
// exact JID the person wrote to, to = the exact JID they wrote from.
struct ReplyAddress {
  std::string from;
  std::string to;
  bool operator==(const ReplyAddress&) const = default;
};

// One event of a running turn (kProgress): what a person watching may see.
struct Progress {
  enum class Phase : std::uint8_t {
    kStarted = 1,
    kText,
    kToolStart,
    kToolEnd,
    kPaused,
    kReset,
    kAsks
  };
  Phase phase = Phase::kStarted;
  std::string text;  // kText: the next piece; kToolStart/End: the tool's name; kReset: forget the
                     // text so far; kAsks: a question to the person, who has to see it
  bool operator==(const Progress&) const = default;
};

// A value; moved along. The fabric reads and stamps the fields up to `ttl`, nobody else writes
// those after sending.
struct Message {
  MessageId id;
  std::string trace;             // correlates everything that one user message caused
  NodeId src;                    // stamped by the router from the sender's port
  std::optional<Name> src_name;  // stamped likewise
  Destination dst;
  std::uint8_t ttl = 16;

  Kind kind = Kind::kUser;
  std::string action;  // kSystem: "UNREACHABLE", "TTL_EXCEEDED"; kControl: the command, if any
  MessageId in_reply_to;
  WallTime sent_at{};  // when the sender says it was written (XEP-0203); else when we saw it
  Ilk from;            // the party that speaks
  Conversation conversation;
  ReplyAddress reply_address;
  std::string
      foreign_id;  // the id the outside network gave (XMPP id attribute), for receipts and dedup
  bool wants_progress = false;
  std::vector<Part> parts;
  std::string payload;  // JSON text of a payload that is not words or parts (kSystem, kControl);
                        // passed on byte for byte; empty: there is none
  std::optional<Progress> progress;
  json::object meta;  // unknown and rarely used fields, passed through untouched

  bool operator==(const Message&) const = default;
};

// Everything but stamped fields and progress; the journal's form. {"v":1,…}; unknown keys are
// ignored when read.
json::value to_json_value(const Message& message);
// The same as text, written without a tree: several journal records of every message hold one.
void append_json(std::string& out, const Message& message);
Result<Message> message_from_json(const json::value& value);

// Takes a message or refuses it at once. Loop thread only; never blocks and never re-enters the
// sender before it returns. Ok means the receiver now answers for the message (a durable receiver
// has journaled it). An error means that nothing was kept: kExhausted when full (try later), others
// as they are.
class Inbox {
 public:
  virtual ~Inbox() = default;
  virtual Result<void> deliver(Message message) = 0;
};

}  // namespace skep
