// A Message as an envelope (docs/fabric.md "Frames").
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "envelope_parts.h"
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

// Writes where there is room: appending to a string piece by piece costs more than all else.
class Writer {
 public:
  // Behind what is in `out`; finish() comes last.
  Writer(std::string& out, std::size_t bytes_about) : out_(out) { grow(out.size(), bytes_about); }
  void finish() { out_.resize(size()); }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - out_.data()); }
  // Bytes of no ASCII were written.
  [[nodiscard]] bool high() const { return high_; }

  [[gnu::always_inline]] void raw(std::string_view bytes) { (room(bytes.size()), put(bytes)); }
  void number(std::uint64_t value) {
    room(kNumberBytes);
    at_ = std::to_chars(at_, at_ + kNumberBytes, value).ptr;
  }
  // `"key":`, with a comma unless it is the first of its object.
  [[gnu::always_inline]] void member(std::string_view key) {
    room(key.size() + 4);
    if (at_[-1] != '{') *at_++ = ',';
    *at_++ = '"';
    put(key);
    put("\":");
  }
  [[gnu::always_inline]] void text(std::string_view key, std::string_view value) {
    member(key);
    string(value);
  }
  void text_if(std::string_view key, std::string_view value) {
    if (!value.empty()) text(key, value);
  }
  // What needs no escape: ids, names, words of ours.
  void plain(std::string_view key, std::string_view value) {
    member(key);
    room(value.size() + 2);
    *at_++ = '"';
    put(value);
    *at_++ = '"';
  }
  void uuid(std::string_view key, const Uuid& uuid) {
    member(key);
    room(kUuidBytes + 2);
    *at_++ = '"';
    write_uuid(uuid, at_);
    at_ += kUuidBytes;
    *at_++ = '"';
  }
  // JSON made elsewhere.
  void json(std::string_view bytes) {
    high_ = true;
    raw(bytes);
  }
  void string(std::string_view value) {
    const PlainRun run = plain_prefix(value);
    high_ |= run.high;
    room(value.size() + 2);
    if (run.bytes == value.size()) {
      *at_++ = '"';
      put(value);
      *at_++ = '"';
      return;
    }
    std::string escaped;
    append_json_string(escaped, value);
    json(escaped);
  }

 private:
  static constexpr std::size_t kNumberBytes = 20, kUuidBytes = 36;

  [[gnu::always_inline]] void put(std::string_view bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void room(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) grow(size(), std::max(bytes, size()));
  }
  void grow(std::size_t used, std::size_t more) {
    out_.resize_and_overwrite(used + more, [](char*, std::size_t bytes) { return bytes; });
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }

  std::string& out_;
  char *at_ = nullptr, *end_ = nullptr;
  bool high_ = false;
};

struct DestinationText {
  Writer& out;
  void operator()(const Unresolved&) const { (out.member("dst"), out.raw("null")); }
  void operator()(const Name& name) const { out.plain("dst", name.str()); }
  void operator()(const NodeId& node) const { out.uuid("dst", node.uuid); }
  void operator()(const Broadcast&) const { out.plain("dst", "broadcast"); }
};

void append_routing(Writer& out, const Message& m, const Stamp& stamp) {
  out.raw(R"({"routing":{)");
  out.uuid("src", m.src.uuid);
  out.text_if("src_l2_name", stamp.src_name);
  if (stamp.dst) {
    out.text("dst", *stamp.dst);
  } else {
    std::visit(DestinationText{out}, m.dst);
  }
  (out.member("ttl"), out.number(stamp.ttl));
  out.text("trace_id", m.trace.empty() ? m.id.str() : m.trace);
  if (stamp.vpn) (out.member("vpn"), out.number(*stamp.vpn));
  out.raw("}");
}

void append_conversation(Writer& out, const Message& m) {
  if (m.conversation == Conversation()) return;
  out.member("conversation");
  out.raw("{");
  out.text("channel", m.conversation.channel);
  out.text("peer", m.conversation.peer);
  out.text("thread", m.conversation.thread);
  out.text_if("entrypoint", m.conversation.entrypoint);
  out.raw("}");
  if (!m.meta.contains("thread_id")) out.plain("thread_id", thread_id_of(m.conversation));
}

void append_progress(Writer& out, const Progress& progress) {
  out.member("progress");
  out.raw("{");
  for (auto [phase, name] : kPhases) {
    if (phase == progress.phase) out.plain("phase", name);
  }
  out.text("text", progress.text);
  out.raw("}");
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

// The first is "type", so a comma stands before all of these.
void append_others(Writer& out, const json::object& meta, const Message& m) {
  for (const auto& [key, value] : meta) {
    if (is_field(m, key)) continue;
    out.raw(",");
    out.string(key);
    out.raw(":");
    out.json(to_json(value));
  }
}

void append_meta(Writer& out, const Message& m, const Stamp& stamp) {
  out.raw(R"(,"meta":{)");
  out.text("type", type_of(m));
  out.text_if(m.kind == Kind::kSystem ? "msg" : "action", m.action);
  out.text_if("id", m.id.str());
  out.text_if("in_reply_to", m.in_reply_to.str());
  if (m.sent_at != WallTime()) out.plain("sent_at", format_rfc3339(m.sent_at, true));
  if (!m.from.is_nil()) out.plain("src_ilk", m.from.str());
  append_conversation(out, m);
  if (m.reply_address != ReplyAddress()) {
    out.member("reply_address");
    out.raw("{");
    out.text("from", m.reply_address.from);
    out.text("to", m.reply_address.to);
    out.raw("}");
  }
  out.text_if("foreign_id", m.foreign_id);
  if (m.wants_progress) (out.member("wants_progress"), out.raw("true"));
  if (m.progress) append_progress(out, *m.progress);
  if (const auto* all = std::get_if<Broadcast>(&m.dst)) out.text_if("target", all->target);
  if (!m.meta.empty()) append_others(out, m.meta, m);
  if (stamp.thread_seq && !m.meta.contains("thread_seq"))
    (out.member("thread_seq"), out.number(*stamp.thread_seq));
  if (!stamp.action_class.empty() && !m.meta.contains("action_class"))
    out.text("action_class", stamp.action_class);
  out.raw("}");
}

void append_words(Writer& out, const Message& m) {
  const bool one_text = m.parts.size() == 1 && std::holds_alternative<TextPart>(m.parts.front());
  out.raw(R"({"type":"text")");
  if (one_text) {
    out.text("content", std::get<TextPart>(m.parts.front()).text);
  } else {
    out.text("content", text_of(m.parts));
  }
  out.raw(R"(,"attachments":[])");
  if (!one_text) (out.member("parts"), out.json(to_json(to_json_value(m.parts))));
  out.raw("}");
}

void append_payload(Writer& out, const Message& m) {
  out.raw(R"(,"payload":)");
  if (!m.payload.empty()) {
    out.json(m.payload);
  } else if (m.parts.empty() && (m.kind == Kind::kSystem || m.kind == Kind::kControl)) {
    out.raw("null");
  } else {
    append_words(out, m);
  }
  out.raw("}");
}

std::size_t bytes_about(const Message& m) {
  std::size_t bytes = kUsualBytes + m.payload.size();
  for (const Part& part : m.parts) {
    if (const auto* words = std::get_if<TextPart>(&part)) bytes += words->text.size();
  }
  return bytes;
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
  if (m.payload.empty()) return {};
  JsonScan payload(m.payload);
  payload.space();
  const bool whole = payload.value(1) && (payload.space(), payload.done());
  if (!whole) return fail(Code::kInvalid, "the message's payload is no JSON");
  return {};
}

}  // namespace

Result<void> append_frame(std::string& out, const Message& message, const Stamp& stamp,
                          std::size_t bytes_max) {
  SKEP_TRY_VOID(check(message));
  const std::size_t header = out.size();
  Writer writer(out, bytes_about(message));
  writer.raw(std::string_view("\0\0\0\0", kFrameHeaderBytes));
  append_routing(writer, message, stamp);
  append_meta(writer, message, stamp);
  append_payload(writer, message);
  writer.finish();
  const std::size_t bytes = frame_bytes_since(out, header);
  const bool valid =
      !writer.high() || is_valid_utf8(std::string_view(out).substr(header + kFrameHeaderBytes));
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
