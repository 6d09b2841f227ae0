#include "skep/model/message.h"

#include <fmt/format.h>

#include <limits>

#include "json_reader.h"
#include "kind_name.h"

namespace skep {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kMillisMax = 253'402'300'799'999;  // the last of the year 9999

Kind read_kind(JsonReader& in) {
  std::string name = in.text("kind");
  for (Kind kind : {Kind::kUser, Kind::kReply, Kind::kProgress, Kind::kSystem, Kind::kControl}) {
    if (name == kind_name(kind)) return kind;
  }
  in.spoil("member \"kind\" must be user, reply, progress, system or control");
  return Kind::kUser;
}

struct DestinationWriter {
  json::value operator()(const Unresolved&) const { return json::object(); }
  json::value operator()(const Name& name) const { return {{"name", name.str()}}; }
  json::value operator()(const NodeId& node) const { return {{"node", node.uuid.str()}}; }
  json::value operator()(const Broadcast& broadcast) const {
    return {{"broadcast", broadcast.target}};
  }
};

Destination read_destination(JsonReader& message) {
  const json::value* value = message.object("dst");
  if (value == nullptr) return Unresolved{};
  JsonReader in(*value, "destination");
  Destination destination = Unresolved{};
  if (in.member("name") != nullptr) {
    Result<Name> name = Name::parse(in.text("name"));
    if (name) {
      destination = *std::move(name);
    } else {
      in.spoil(name.error().message);
    }
  } else if (in.member("node") != nullptr) {
    destination = NodeId{in.take("node", Uuid::parse(in.text("node")))};
  } else if (in.member("broadcast") != nullptr) {
    destination = Broadcast{in.text("broadcast")};
  }
  Result<void> good = in.finish();
  if (!good) message.spoil(good.error().message);
  return destination;
}

Conversation read_conversation(JsonReader& message) {
  const json::value* value = message.object("conversation");
  if (value == nullptr) return {};
  JsonReader in(*value, "conversation");
  Conversation conversation{in.text("channel"), in.text("peer"), in.text("thread"),
                            in.text("entrypoint")};
  Result<void> good = in.finish();
  if (!good) message.spoil(good.error().message);
  return conversation;
}

ReplyAddress read_reply_address(JsonReader& message) {
  const json::value* value = message.object("reply_address");
  if (value == nullptr) return {};
  JsonReader in(*value, "reply address");
  ReplyAddress address{in.text("from"), in.text("to")};
  Result<void> good = in.finish();
  if (!good) message.spoil(good.error().message);
  return address;
}

Result<void> check_version(const json::value& value) {
  JsonReader in(value, "message");
  std::int64_t version = in.integer("v", 1, std::numeric_limits<std::int64_t>::max(), 0);
  SKEP_TRY_VOID(in.finish());
  if (version == kVersion) return {};
  if (version == 0) return fail(Code::kCorrupt, "message without member \"v\"");
  return fail(Code::kUnsupported,
              fmt::format("message of version {}; this program knows {}", version, kVersion));
}

}  // namespace

json::value to_json_value(const Message& m) {
  json::object out;
  out.reserve(
      16);  // as many as follow: growing member by member would move them all again and again
  out["v"] = kVersion;
  out["id"] = m.id.str();
  out["trace"] = m.trace;
  out["dst"] = std::visit(DestinationWriter{}, m.dst);
  out["ttl"] = m.ttl;
  out["kind"] = kind_name(m.kind);
  out["action"] = m.action;
  out["in_reply_to"] = m.in_reply_to.str();
  out["sent_at"] = m.sent_at.time_since_epoch().count();
  out["from"] = m.from.str();
  out["conversation"] = {{"channel", m.conversation.channel},
                         {"peer", m.conversation.peer},
                         {"thread", m.conversation.thread}};
  if (!m.conversation.entrypoint.empty())
    out["conversation"].as_object()["entrypoint"] = m.conversation.entrypoint;
  out["reply_address"] = {{"from", m.reply_address.from}, {"to", m.reply_address.to}};
  out["foreign_id"] = m.foreign_id;
  out["wants_progress"] = m.wants_progress;
  out["parts"] = to_json_value(m.parts);
  if (!m.payload.empty()) out["payload"] = m.payload;
  out["meta"] = m.meta;
  return out;
}

Result<Message> message_from_json(const json::value& value) {
  SKEP_TRY_VOID(check_version(value));
  JsonReader in(value, "message");
  Message m;
  m.id = MessageId(in.text("id"));
  m.trace = in.text("trace");
  m.dst = read_destination(in);
  m.ttl = static_cast<std::uint8_t>(in.integer("ttl", 0, 255, m.ttl));
  m.kind = read_kind(in);
  m.action = in.text("action");
  m.in_reply_to = MessageId(in.text("in_reply_to"));
  m.sent_at = WallTime(Millis(in.integer("sent_at", -kMillisMax, kMillisMax, 0)));
  if (in.member("from") != nullptr) m.from = in.take("from", Ilk::parse(in.text("from")));
  m.conversation = read_conversation(in);
  m.reply_address = read_reply_address(in);
  m.foreign_id = in.text("foreign_id");
  m.wants_progress = in.flag("wants_progress");
  if (const json::value* parts = in.member("parts"))
    m.parts = in.take("parts", parts_from_json(*parts));
  m.payload = in.text("payload");
  if (const json::value* meta = in.object("meta")) m.meta = meta->get_object();
  SKEP_TRY_VOID(in.finish());
  return m;
}

}  // namespace skep
