// A message's JSON as text. The members and their order are those of to_json_value(): a test
// compares the two.
#include <fmt/format.h>

#include <iterator>

#include "kind_name.h"
#include "skep/model/message.h"

namespace skep {
namespace {

constexpr std::size_t kUsualBytes = 768;  // of a short message, so that the text grows once

void member(std::string& out, std::string_view key) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += key;
  out += "\":";
}

void text(std::string& out, std::string_view key, std::string_view value) {
  member(out, key);
  append_json_string(out, value);
}

void number(std::string& out, std::string_view key, std::int64_t value) {
  member(out, key);
  fmt::format_to(std::back_inserter(out), "{}", value);
}

struct DestinationText {
  std::string& out;
  void operator()(const Unresolved&) const {}
  void operator()(const Name& name) const { text(out, "name", name.str()); }
  void operator()(const NodeId& node) const { text(out, "node", node.uuid.str()); }
  void operator()(const Broadcast& broadcast) const { text(out, "broadcast", broadcast.target); }
};

void append_part(std::string& out, const Part& part) {
  const auto* words = std::get_if<TextPart>(&part);
  if (words == nullptr) {
    out += to_json(to_json_value(part));
    return;
  }
  out += '{';
  text(out, "type", "text");
  text(out, "text", words->text);
  out += '}';
}

void parts(std::string& out, const std::vector<Part>& all) {
  member(out, "parts");
  out += '[';
  for (const Part& part : all) {
    if (&part != &all.front()) out += ',';
    append_part(out, part);
  }
  out += ']';
}

void addresses(std::string& out, const Message& m) {
  member(out, "conversation");
  out += '{';
  text(out, "channel", m.conversation.channel);
  text(out, "peer", m.conversation.peer);
  text(out, "thread", m.conversation.thread);
  if (!m.conversation.entrypoint.empty()) text(out, "entrypoint", m.conversation.entrypoint);
  out += '}';
  member(out, "reply_address");
  out += '{';
  text(out, "from", m.reply_address.from);
  text(out, "to", m.reply_address.to);
  out += '}';
}

}  // namespace

void append_json(std::string& out, const Message& m) {
  out.reserve(out.size() + kUsualBytes);
  out += "{\"v\":1";
  text(out, "id", m.id.str());
  text(out, "trace", m.trace);
  member(out, "dst");
  out += '{';
  std::visit(DestinationText{out}, m.dst);
  out += '}';
  number(out, "ttl", m.ttl);
  text(out, "kind", kind_name(m.kind));
  text(out, "action", m.action);
  text(out, "in_reply_to", m.in_reply_to.str());
  number(out, "sent_at", m.sent_at.time_since_epoch().count());
  text(out, "from", m.from.str());
  addresses(out, m);
  text(out, "foreign_id", m.foreign_id);
  member(out, "wants_progress");
  out += m.wants_progress ? "true" : "false";
  parts(out, m.parts);
  if (!m.payload.empty()) text(out, "payload", m.payload);
  member(out, "meta");
  out += m.meta.empty() ? "{}" : to_json(m.meta);
  out += '}';
}

}  // namespace skep
