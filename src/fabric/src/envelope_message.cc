// The Message in an envelope (docs/fabric.md "Frames").
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "envelope_parts.h"
#include "json_scan.h"
#include "message_members.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

// Takes members out of a meta object; a wrong one sticks and is asked for once, at the end.
class MetaReader {
 public:
  explicit MetaReader(json::object& meta) : meta_(meta) {}

  std::string text(std::string_view key) {
    std::optional<json::value> value = take(key);
    if (!value) return {};
    if (!value->is_string()) return spoil(key), std::string();
    return std::string(value->get_string());
  }
  // Leaves what was read already when it is absent.
  void text_into(std::string& field, std::string_view key) {
    std::string found = text(key);
    if (!found.empty()) field = std::move(found);
  }
  void id_into(MessageId& field, std::string_view key) {
    std::string found = text(key);
    if (!found.empty()) field = MessageId(std::move(found));
  }
  bool flag(std::string_view key) {
    std::optional<json::value> value = take(key);
    if (value && !value->is_bool()) spoil(key);
    return value && value->is_bool() && value->get_bool();
  }
  // Absent (and null): nullopt.
  std::optional<json::value> take(std::string_view key) {
    json::value* found = meta_.if_contains(key);
    if (found == nullptr) return std::nullopt;
    json::value value = std::move(*found);
    meta_.erase(key);
    if (value.is_null()) return std::nullopt;
    return value;
  }
  void spoil(std::string_view key) {
    if (bad_.empty()) bad_ = key;
  }
  [[nodiscard]] Result<void> finish() const {
    if (bad_.empty()) return {};
    return fail(Code::kInvalid, fmt::format("the envelope's \"{}\" is wrong", bad_));
  }

 private:
  json::object& meta_;
  std::string bad_;
};

std::string text_in(MetaReader& in, std::string_view of, const json::value& object,
                    std::string_view key) {
  const json::value* member = get_member(object, key);
  if (!object.is_object() || (member != nullptr && !member->is_string())) in.spoil(of);
  return std::string(get_string(object, key));
}

void set_destination(Message& m, const EnvelopeView& view) {
  switch (view.to) {
    case EnvelopeView::To::kNode:
      m.dst = view.dst_node;
      break;
    case EnvelopeView::To::kBroadcast:
      m.dst = Broadcast{std::string(view.target)};
      break;
    case EnvelopeView::To::kName:
      if (Result<Name> name = Name::parse(view.dst_text)) m.dst = *std::move(name);
      break;
    case EnvelopeView::To::kNull:
      break;
  }
}

void read_time(Message& m, MetaReader& in) {
  const std::string text = in.text("sent_at");
  if (text.empty()) return;
  if (std::optional<WallTime> time = parse_rfc3339(text)) {
    m.sent_at = *time;
  } else {
    in.spoil("sent_at");
  }
}

// An identity of another form than ours stays where it was.
void read_ilk(Message& m, MetaReader& in) {
  const json::value* given = m.meta.if_contains("src_ilk");
  if (given == nullptr || !given->is_string()) return;
  Result<Ilk> ilk = Ilk::parse(std::string_view(given->get_string()));
  if (!ilk || ilk->is_nil()) return;
  m.from = *ilk;
  in.take("src_ilk");
}

void read_conversation(Message& m, MetaReader& in, std::string_view thread_id) {
  std::optional<json::value> value = in.take("conversation");
  if (!value) return;
  m.conversation = {text_in(in, "conversation", *value, "channel"),
                    text_in(in, "conversation", *value, "peer"),
                    text_in(in, "conversation", *value, "thread"),
                    text_in(in, "conversation", *value, "entrypoint")};
  if (!thread_id.empty() && thread_id_of(m.conversation) == thread_id) in.take("thread_id");
}

void read_progress(Message& m, MetaReader& in) {
  std::optional<json::value> value = in.take("progress");
  if (!value) return;
  const std::string phase = text_in(in, "progress", *value, "phase");
  m.progress = Progress{.phase = {}, .text = text_in(in, "progress", *value, "text")};
  for (auto [known, name] : kPhases) {
    if (name == phase) m.progress->phase = known;
  }
  if (m.progress->phase == Progress::Phase{}) in.spoil("progress");
}

// A text without escapes that a field holds as it is. False: it belongs into `meta`.
bool take_plain(Message& m, std::string_view key, std::string_view text) {
  if (key == "id") {
    m.id = MessageId(std::string(text));
  } else if (key == "in_reply_to") {
    m.in_reply_to = MessageId(std::string(text));
  } else if (key == (m.kind == Kind::kSystem ? "msg" : "action")) {
    m.action = text;
  } else if (key == "foreign_id") {
    m.foreign_id = text;
  } else {
    return key == "type" && (m.kind != Kind::kControl || text == kControlType);
  }
  return true;
}

// What `text` or the JSON `value` is in a tree.
Result<json::value> value_of(std::string_view value, bool plain, std::string_view text) {
  std::int64_t number = 0;
  if (plain) return json::value(text);
  if (value == "true" || value == "false") return json::value(value == "true");
  const char* end = value.data() + value.size();
  const bool digit = value.front() >= '0' && value.front() <= '9';
  if (digit && std::from_chars(value.data(), end, number) == std::from_chars_result{end, {}})
    return json::value(number);
  return parse_json(value);
}

// Members that read_meta() looks for in `m.meta` when they are no plain texts.
bool has_field(std::string_view key) {
  static constexpr std::array<std::string_view, 12> kFields{
      "id",      "in_reply_to",  "msg",           "action",         "foreign_id", "sent_at",
      "src_ilk", "conversation", "reply_address", "wants_progress", "progress",   "target"};
  return std::ranges::find(kFields, key) != kFields.end();
}

// The members of "meta", most of which are texts that fields hold: a tree of them would cost more
// than all the rest of reading. What is no such text goes to `m.meta`; true: something that a field
// holds is among it.
Result<bool> spread_meta(Message& m, std::string_view meta) {
  JsonScan scan(meta);
  bool good = scan.take('{'), fields = false;
  scan.space();
  if (good && scan.take('}')) return false;
  do {
    std::string_view key, text;
    scan.space();
    good = good && scan.string(key);
    const bool plain_key = !scan.escaped();
    scan.space();
    good = good && scan.take(':');
    scan.space();
    const std::uint32_t begin = scan.offset();
    const bool is_text = scan.at('"');
    good = good && (is_text ? scan.string(text) : scan.value(1));
    if (!good) return fail(Code::kInvalid, "the envelope's \"meta\" is no object");
    const std::string_view value = meta.substr(begin, scan.offset() - begin);
    const bool plain = is_text && !scan.escaped();
    scan.space();
    if (plain && plain_key && take_plain(m, key, text)) continue;
    json::value unescaped;
    if (!plain_key) {
      SKEP_TRY(unescaped, parse_json('"' + std::string(key) + '"'));
      key = unescaped.get_string();
    }
    fields = fields || has_field(key);
    SKEP_TRY(json::value read, value_of(value, plain, text));
    m.meta.insert_or_assign(key, std::move(read));
  } while (scan.take(','));
  return fields;
}

Result<void> read_meta(Message& m, const EnvelopeView& view) {
  m.kind = kind_of(view.type).value_or(Kind::kControl);
  SKEP_TRY(const bool fields, spread_meta(m, view.meta));
  if (!fields) return {};
  MetaReader in(m.meta);
  in.text_into(m.action, m.kind == Kind::kSystem ? "msg" : "action");
  in.id_into(m.id, "id");
  in.id_into(m.in_reply_to, "in_reply_to");
  read_time(m, in);
  read_ilk(m, in);
  read_conversation(m, in, view.thread_id);
  if (std::optional<json::value> address = in.take("reply_address"))
    m.reply_address = {text_in(in, "reply_address", *address, "from"),
                       text_in(in, "reply_address", *address, "to")};
  in.text_into(m.foreign_id, "foreign_id");
  m.wants_progress = in.flag("wants_progress");
  read_progress(m, in);
  if (view.to == EnvelopeView::To::kBroadcast) in.take("target");
  return in.finish();
}

// Of another implementation: references to blobs.
Part attachment(const json::value& value) {
  const std::string_view blob = get_string(value, "blob_name");
  return FilePart{.filename = std::string(get_string(value, "filename_original")),
                  .media_type = std::string(get_string(value, "mime")),
                  .size_bytes = static_cast<std::uint64_t>(
                      std::max<std::int64_t>(0, get_int(value, "size").value_or(0))),
                  .url = blob.empty() ? std::string() : fmt::format("blob:{}", blob)};
}

Result<void> read_words(Message& m, const json::value& payload) {
  if (const json::value* parts = get_member(payload, "parts")) {
    Result<std::vector<Part>> read = parts_from_json(*parts);
    if (!read) return fail(Code::kInvalid, "the payload's \"parts\": " + read.error().message);
    m.parts = *std::move(read);
    return {};
  }
  const json::value* content = get_member(payload, "content");
  if (content == nullptr || !content->is_string())
    return fail(Code::kInvalid, "a text payload needs \"content\" or \"content_ref\"");
  m.parts.emplace_back(TextPart{std::string(content->get_string())});
  if (const json::array* attachments = get_array(payload, "attachments")) {
    for (const json::value& value : *attachments) m.parts.push_back(attachment(value));
  }
  return {};
}

// Words and nothing else, as append_frame() writes them.
std::optional<std::string_view> words_alone(const EnvelopeView& view) {
  if (view.words.data() != nullptr) return view.words;
  JsonScan scan(view.payload);
  std::string_view words;
  if (!scan.literal(kBeforeWords) || !scan.string(words) || scan.escaped()) return std::nullopt;
  if (!scan.literal(kBehindWords) || !scan.done()) return std::nullopt;
  return words;
}

// What is plainly no text payload is spared the parsing.
Result<void> read_payload(Message& m, const EnvelopeView& view) {
  const std::string_view payload = view.payload;
  if (payload == "null") return {};
  if (const auto words = words_alone(view)) {
    m.parts.emplace_back(TextPart{std::string(*words)});
    return {};
  }
  if (payload.front() == '{' && payload.contains("\"text\"")) {
    SKEP_TRY(json::value value, parse_json(payload));
    if (get_string(value, "type") == "text") {
      const bool referred = get_member(value, "content_ref") != nullptr;
      if (referred && get_member(value, "content") != nullptr)
        return fail(Code::kInvalid, "a text payload with both \"content\" and \"content_ref\"");
      if (!referred) return read_words(m, value);
    }
  }
  m.payload = payload;
  return {};
}

// One value of the text that is hashed: '|' and '=' in it must not read as its structure.
std::string field(std::string_view value) {
  if (value.empty()) return "-";
  std::string out;
  for (char c : value) {
    if (c == '|' || c == '%' || (c == '-' && value.size() == 1)) {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

Result<void> read_message(Message& m, const EnvelopeView& view) {
  m.src = view.src;
  m.trace = view.trace;
  m.ttl = view.ttl;
  set_destination(m, view);
  if (Result<Name> name = Name::parse(view.src_name)) m.src_name = *std::move(name);
  SKEP_TRY_VOID(read_meta(m, view));
  return read_payload(m, view);
}

}  // namespace

Result<Message> message_from_envelope(const EnvelopeView& view) {
  Result<Message> result(std::in_place);  // made where it is returned: a Message is large
  if (auto read = read_message(*result, view); !read) result = fail(std::move(read).error());
  return result;
}

std::string thread_id_of(const Conversation& conversation) {
  const std::string text =
      fmt::format("v2|kind=direct_pair|channel_type={}|entrypoint_id={}|peer={}|thread={}",
                  field(to_lower_ascii(conversation.channel)), field(conversation.entrypoint),
                  field(conversation.peer), field(conversation.thread));
  return "thread:sha256:" + hex_encode(sha256(text));
}

}  // namespace skep::fabric
