// A Message as an envelope (docs/fabric.md "Frames").
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "frame_header.h"
#include "json_scan.h"
#include "message_members.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kTraceBytesMax = 64;
constexpr std::size_t kUsualBytes = 1'024;

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

void text_if(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) text(out, key, value);
}

struct DestinationText {
  std::string& out;
  void operator()(const Unresolved&) const { (member(out, "dst"), out += "null"); }
  void operator()(const Name& name) const { text(out, "dst", name.str()); }
  void operator()(const NodeId& node) const { text(out, "dst", node.uuid.str()); }
  void operator()(const Broadcast&) const { text(out, "dst", "broadcast"); }
};

void append_routing(std::string& out, const Message& m, const Stamp& stamp) {
  out += R"({"routing":{)";
  text(out, "src", m.src.uuid.str());
  text_if(out, "src_l2_name", stamp.src_name);
  if (stamp.dst) {
    text(out, "dst", *stamp.dst);
  } else {
    std::visit(DestinationText{out}, m.dst);
  }
  (member(out, "ttl"), out += std::to_string(stamp.ttl));
  text(out, "trace_id", m.trace.empty() ? m.id.str() : m.trace);
  if (stamp.vpn) fmt::format_to(std::back_inserter(out), R"(,"vpn":{})", *stamp.vpn);
  out += '}';
}

void append_conversation(std::string& out, const Message& m) {
  if (m.conversation == Conversation()) return;
  member(out, "conversation");
  out += '{';
  text(out, "channel", m.conversation.channel);
  text(out, "peer", m.conversation.peer);
  text(out, "thread", m.conversation.thread);
  if (!m.conversation.entrypoint.empty()) text(out, "entrypoint", m.conversation.entrypoint);
  out += '}';
  if (!m.meta.contains("thread_id")) text(out, "thread_id", thread_id_of(m.conversation));
}

void append_progress(std::string& out, const Progress& progress) {
  member(out, "progress");
  out += '{';
  for (auto [phase, name] : kPhases) {
    if (phase == progress.phase) text(out, "phase", name);
  }
  text(out, "text", progress.text);
  out += '}';
}

// Members that a field of the Message holds; what `meta` says about them is not written.
bool is_field(const Message& m, std::string_view key) {
  static constexpr std::array<std::string_view, 9> kFields{
      "type",          "id",         "in_reply_to",    "sent_at", "conversation",
      "reply_address", "foreign_id", "wants_progress", "progress"};
  if (std::ranges::find(kFields, key) != kFields.end()) return true;
  if (key == "src_ilk") return !m.from.is_nil();
  if (key == "target") return std::holds_alternative<Broadcast>(m.dst);
  return key == (m.kind == Kind::kSystem ? "msg" : "action");
}

void append_meta(std::string& out, const Message& m, const Stamp& stamp) {
  out += R"(,"meta":{)";
  text(out, "type", type_of(m));
  text_if(out, m.kind == Kind::kSystem ? "msg" : "action", m.action);
  text_if(out, "id", m.id.str());
  text_if(out, "in_reply_to", m.in_reply_to.str());
  if (m.sent_at != WallTime()) text(out, "sent_at", format_rfc3339(m.sent_at, true));
  if (!m.from.is_nil()) text(out, "src_ilk", m.from.str());
  append_conversation(out, m);
  if (m.reply_address != ReplyAddress()) {
    member(out, "reply_address");
    out += '{';
    text(out, "from", m.reply_address.from);
    text(out, "to", m.reply_address.to);
    out += '}';
  }
  text_if(out, "foreign_id", m.foreign_id);
  if (m.wants_progress) (member(out, "wants_progress"), out += "true");
  if (m.progress) append_progress(out, *m.progress);
  if (const auto* all = std::get_if<Broadcast>(&m.dst)) text_if(out, "target", all->target);
  for (const auto& [key, value] : m.meta) {
    if (is_field(m, key)) continue;
    out += ',';
    append_json_string(out, key);
    out += ':';
    out += to_json(value);
  }
  if (stamp.thread_seq && !m.meta.contains("thread_seq"))
    fmt::format_to(std::back_inserter(out), R"(,"thread_seq":{})", *stamp.thread_seq);
  if (!m.meta.contains("action_class")) text_if(out, "action_class", stamp.action_class);
  out += '}';
}

void append_words(std::string& out, const Message& m) {
  const bool one_text = m.parts.size() == 1 && std::holds_alternative<TextPart>(m.parts.front());
  out += '{';
  text(out, "type", "text");
  text(out, "content",
       one_text ? std::string_view(std::get<TextPart>(m.parts.front()).text) : text_of(m.parts));
  out += R"(,"attachments":[])";
  if (!one_text) (member(out, "parts"), out += to_json(to_json_value(m.parts)));
  out += '}';
}

void append_payload(std::string& out, const Message& m) {
  out += R"(,"payload":)";
  if (!m.payload.empty()) {
    out += m.payload;
  } else if (m.parts.empty() && (m.kind == Kind::kSystem || m.kind == Kind::kControl)) {
    out += "null";
  } else {
    append_words(out, m);
  }
  out += '}';
}

// A control message may not pass for one of the kinds that routers and inboxes treat specially.
Result<void> check(const Message& m) {
  if (m.kind == Kind::kControl && kind_of(type_of(m)))
    return fail(Code::kInvalid,
                fmt::format("a control message cannot be of type \"{}\"", type_of(m)));
  const std::string& trace = m.trace.empty() ? m.id.str() : m.trace;
  if (trace.empty() || trace.size() > kTraceBytesMax)
    return fail(Code::kInvalid, fmt::format("a message's trace has 1 to {} bytes, this one {}",
                                            kTraceBytesMax, trace.size()));
  JsonScan payload(m.payload);
  if (m.payload.empty()) return {};
  payload.space();
  const bool whole = payload.value(1) && (payload.space(), payload.done());
  if (!whole) return fail(Code::kInvalid, "the message's payload is no JSON");
  return {};
}

}  // namespace

Result<void> append_frame(std::string& out, const Message& message, const Stamp& stamp,
                          std::size_t bytes_max) {
  SKEP_TRY_VOID(check(message));
  const std::size_t header = begin_frame(out, kUsualBytes);
  append_routing(out, message, stamp);
  append_meta(out, message, stamp);
  append_payload(out, message);
  const std::size_t bytes = frame_bytes_since(out, header);
  const bool valid = is_valid_utf8(std::string_view(out).substr(header + kFrameHeaderBytes));
  if (bytes <= bytes_max && valid) {
    end_frame(out, header);
    return {};
  }
  out.resize(header);
  if (!valid) return fail(Code::kInvalid, "the message holds bytes that are not UTF-8");
  return fail(
      Code::kTooLarge,
      fmt::format("the message is {} bytes as a frame; at most {} can be sent", bytes, bytes_max));
}

}  // namespace skep::fabric
