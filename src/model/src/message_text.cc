// A message's JSON as text. The members and their order are those of to_json_value(): a test
// compares the two.
#include "kind_name.h"
#include "skep/base/json_text.h"
#include "skep/model/message.h"
#include "skep/model/part_text.h"

namespace skep {
namespace {

constexpr std::size_t kUsualBytes = 768;  // of a short message, so that the text grows once

struct DestinationText {
  JsonObjectText& object;
  void operator()(const Unresolved&) const {}
  void operator()(const Name& name) const { object.text("name", name.str()); }
  void operator()(const NodeId& node) const { object.text("node", node.uuid.str()); }
  void operator()(const Broadcast& broadcast) const { object.text("broadcast", broadcast.target); }
};

struct PartText {
  std::string& out;
  void operator()(const TextPart& part) const {
    JsonObjectText(out).text("type", "text").text("text", part.text).end();
  }
  void operator()(const ToolCall& part) const {
    JsonObjectText object(out);
    object.text("type", "tool_call").text("id", part.id).text("name", part.name);
    object.json("arguments", to_json(part.arguments));
    if (!part.arguments_error.empty()) object.text("arguments_error", part.arguments_error);
    object.end();
  }
  void operator()(const ToolResult& part) const {
    JsonObjectText object(out);
    object.text("type", "tool_result").text("call_id", part.call_id).text("name", part.name);
    object.text("text", part.text).flag("is_error", part.is_error).end();
  }
  void operator()(const auto& seldom) const { out += to_json(to_json_value(Part(seldom))); }
};

void addresses(JsonObjectText& message, const Message& m) {
  JsonObjectText conversation(message.at("conversation"));
  conversation.text("channel", m.conversation.channel).text("peer", m.conversation.peer);
  conversation.text("thread", m.conversation.thread);
  if (!m.conversation.entrypoint.empty())
    conversation.text("entrypoint", m.conversation.entrypoint);
  conversation.end();
  JsonObjectText reply(message.at("reply_address"));
  reply.text("from", m.reply_address.from).text("to", m.reply_address.to).end();
}

}  // namespace

void append_json(std::string& out, const std::vector<Part>& parts) {
  out += '[';
  for (const Part& part : parts) {
    if (&part != &parts.front()) out += ',';
    std::visit(PartText{out}, part);
  }
  out += ']';
}

void append_json(std::string& out, const Message& m) {
  out.reserve(out.size() + kUsualBytes);
  JsonObjectText object(out);
  object.number("v", 1).text("id", m.id.str()).text("trace", m.trace);
  JsonObjectText destination(object.at("dst"));
  std::visit(DestinationText{destination}, m.dst);
  destination.end();
  object.number("ttl", m.ttl).text("kind", kind_name(m.kind)).text("action", m.action);
  object.text("in_reply_to", m.in_reply_to.str());
  object.number("sent_at", m.sent_at.time_since_epoch().count()).text("from", m.from.str());
  addresses(object, m);
  object.text("foreign_id", m.foreign_id).flag("wants_progress", m.wants_progress);
  append_json(object.at("parts"), m.parts);
  if (!m.payload.empty()) object.text("payload", m.payload);
  object.json("meta", m.meta.empty() ? std::string("{}") : to_json(m.meta)).end();
}

}  // namespace skep
