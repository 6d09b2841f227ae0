#include "transcript.h"

#include "skep/base/text.h"

namespace skep::memory {
namespace {

// An offset can carry a time out of the years 0000 to 9999, which RFC 3339 cannot write.
bool can_be_written(WallTime time) {
  constexpr WallTime kBegin = std::chrono::sys_days(std::chrono::year(0) / 1 / 1);
  constexpr WallTime kEnd = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1);
  return time >= kBegin && time < kEnd;
}

void add_text(std::string& line, std::string_view text) {
  is_valid_utf8(text) ? append_json_string(line, text)
                      : append_json_string(line, to_valid_utf8(text));
}

// Writes a line as text, member by member: there are three in a turn, and trees of values for them
// cost more than writing them to the file. Keys are ours and need no escape.
class LineWriter {
 public:
  explicit LineWriter(std::string_view type) { line_.append(R"({"type":")").append(type) += '"'; }

  std::string& key(std::string_view name) {
    line_.append(R"(,")").append(name) += R"(":)";
    return line_;
  }
  void text(std::string_view name, std::string_view value) { add_text(key(name), value); }
  // Optional fields are left out, never null or empty.
  void put(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void put(std::string_view name, const std::optional<WallTime>& time) {
    if (time) key(name).append(1, '"').append(format_rfc3339(*time, true)) += '"';
  }
  std::string finish() {
    line_ += '}';
    return std::move(line_);
  }

 private:
  std::string line_;
};

void put_usage(LineWriter& line, const Usage& usage) {
  if (usage == Usage{}) return;
  line.key("usage") += fmt::format(R"({{"in":{},"out":{},"cache_read":{},"cache_write":{}}})",
                                   usage.input, usage.output, usage.cache_read, usage.cache_write);
}

Usage usage_from(const json::value& line) {
  const json::value* usage = get_member(line, "usage");
  if (usage == nullptr) return {};
  return {.input = get_int(*usage, "in").value_or(0),
          .output = get_int(*usage, "out").value_or(0),
          .cache_read = get_int(*usage, "cache_read").value_or(0),
          .cache_write = get_int(*usage, "cache_write").value_or(0)};
}

void put_attachments(LineWriter& line, const std::vector<Attachment>& attachments) {
  if (attachments.empty()) return;
  std::string& out = line.key("attachments");
  for (const Attachment& attachment : attachments) {
    out += &attachment == attachments.data() ? R"([{"filename":)" : R"(,{"filename":)";
    add_text(out, attachment.filename);
    out += R"(,"mime_type":)";
    add_text(out, attachment.media_type);
    out += R"(,"size":)";
    add_text(out, attachment.size);
    out += '}';
  }
  out += ']';
}

std::vector<Attachment> attachments_from(const json::value& line) {
  std::vector<Attachment> attachments;
  const json::array* array = get_array(line, "attachments");
  if (array == nullptr) return attachments;
  for (const json::value& item : *array) {
    if (!item.is_object()) continue;
    attachments.push_back({std::string(get_string(item, "filename")),
                           std::string(get_string(item, "mime_type")),
                           std::string(get_string(item, "size"))});
  }
  return attachments;
}

std::string line_of(const TranscriptMessage& message) {
  LineWriter line("message");
  line.text("role", message.role == TranscriptMessage::Role::kUser ? "user" : "assistant");
  line.text("content", message.content);
  line.put("msg_id", message.msg_id);
  line.put("sender", message.sender);
  line.put("ts", message.ts);
  line.put("origin_id", message.origin_id);
  line.put("thread", message.thread);
  line.put("turn", message.turn);
  line.put("model", message.model);
  put_usage(line, message.usage);
  line.put("taint", message.taint);
  put_attachments(line, message.attachments);
  if (message.retracted) line.key("retracted") += "true";
  return line.finish();
}

std::string line_of(const TranscriptSummary& summary) {
  LineWriter line("summary");
  line.key("compacted_count") += fmt::format("{}", summary.compacted_count);
  line.text("content", summary.content);
  line.put("ts", summary.ts);
  line.put("last_msg_id", summary.last_msg_id);
  line.put("taint", summary.taint);
  return line.finish();
}

std::string line_of(const TranscriptTool& tool) {
  LineWriter line("tool");
  line.put("turn", tool.turn);
  line.put("call", tool.call);
  line.put("name", tool.name);
  line.put("arguments", cut_utf8(to_valid_utf8(tool.arguments), kToolTextBytesMax));
  line.text("result", cut_utf8(to_valid_utf8(tool.result), kToolTextBytesMax));
  if (tool.is_error) line.key("is_error") += "true";
  line.put("taint", tool.taint);
  line.put("ts", tool.ts);
  return line.finish();
}

std::optional<TranscriptEntry> message_from(const json::value& line) {
  TranscriptMessage message;
  const std::string_view role = get_string(line, "role");
  if (role != "user" && role != "assistant") return std::nullopt;
  message.role =
      role == "user" ? TranscriptMessage::Role::kUser : TranscriptMessage::Role::kAssistant;
  message.content = get_string(line, "content");
  message.msg_id = get_string(line, "msg_id");
  message.sender = get_string(line, "sender");
  message.ts = time_from(line, "ts");
  message.origin_id = get_string(line, "origin_id");
  message.thread = get_string(line, "thread");
  message.turn = get_string(line, "turn");
  message.model = get_string(line, "model");
  message.usage = usage_from(line);
  message.taint = get_string(line, "taint");
  message.attachments = attachments_from(line);
  message.retracted = get_bool(line, "retracted").value_or(false);
  return message;
}

std::optional<TranscriptEntry> summary_from(const json::value& line) {
  return TranscriptSummary{.compacted_count = get_int(line, "compacted_count").value_or(0),
                           .content = std::string(get_string(line, "content")),
                           .ts = time_from(line, "ts"),
                           .last_msg_id = std::string(get_string(line, "last_msg_id")),
                           .taint = std::string(get_string(line, "taint"))};
}

std::optional<TranscriptEntry> tool_from(const json::value& line) {
  return TranscriptTool{.turn = std::string(get_string(line, "turn")),
                        .call = std::string(get_string(line, "call")),
                        .name = std::string(get_string(line, "name")),
                        .arguments = std::string(get_string(line, "arguments")),
                        .result = std::string(get_string(line, "result")),
                        .is_error = get_bool(line, "is_error").value_or(false),
                        .taint = std::string(get_string(line, "taint")),
                        .ts = time_from(line, "ts")};
}

}  // namespace

json::string json_text(std::string_view text) {
  if (is_valid_utf8(text)) return json::string(text);
  return json::string(to_valid_utf8(text));
}

std::optional<WallTime> time_from(const json::value& value, std::string_view key) {
  const auto time = parse_rfc3339(get_string(value, key));
  if (!time || !can_be_written(*time)) return std::nullopt;
  return time;
}

std::string_view taint_of(const TranscriptTool& tool) {
  if (!tool.taint.empty()) return tool.taint;
  return tool.name.starts_with("web_") ? "external_network" : "";
}

void add_taint(std::string& taint, std::string_view more) {
  if (more.empty() || taint.contains(more)) return;
  if (!taint.empty()) taint += ", ";
  taint += more;
}

std::string header_line(const Conversation& conversation, WallTime created) {
  LineWriter line("session");
  line.key("version") += fmt::format("{}", kTranscriptVersion);
  line.text("created", format_rfc3339(created));
  line.text("jid", conversation.peer);
  line.put("thread", conversation.thread);
  return line.finish();
}

std::string to_line(const TranscriptEntry& entry) {
  return std::visit([](const auto& e) { return line_of(e); }, entry);
}

bool reads_back_as_it_is(const TranscriptEntry& entry) {
  std::vector<std::string_view> texts;
  std::optional<WallTime> time;
  if (const auto* message = std::get_if<TranscriptMessage>(&entry)) {
    if (!message->attachments.empty() || message->retracted) return false;
    texts = {message->content, message->msg_id, message->sender, message->origin_id,
             message->thread,  message->turn,   message->model,  message->taint};
    time = message->ts;
  } else if (const auto* tool = std::get_if<TranscriptTool>(&entry)) {
    if (std::max(tool->arguments.size(), tool->result.size()) > kToolTextBytesMax) return false;
    texts = {tool->turn, tool->call, tool->name, tool->arguments, tool->result, tool->taint};
    time = tool->ts;
  } else {
    return false;
  }
  return (!time || can_be_written(*time)) && std::ranges::all_of(texts, is_valid_utf8);
}

std::optional<TranscriptEntry> parse_line(std::string_view line) {
  const auto value = parse_json(line);
  if (!value || !value->is_object()) return std::nullopt;
  // The older, externally tagged form: {"Message":{…}}.
  if (const json::value* message = get_member(*value, "Message")) return message_from(*message);
  if (const json::value* summary = get_member(*value, "Summary")) {
    return summary->is_object() ? summary_from(*summary) : std::nullopt;
  }
  const std::string_view type = get_string(*value, "type");
  if (type == "message") return message_from(*value);
  if (type == "summary") return summary_from(*value);
  if (type == "tool") return tool_from(*value);
  return std::nullopt;
}

}  // namespace skep::memory
