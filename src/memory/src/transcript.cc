#include "transcript.h"

#include "skep/base/text.h"

namespace skep::memory {
namespace {

// Optional fields are left out, never null or empty.
void put(json::object& into, std::string_view key, std::string_view text) {
  if (!text.empty()) into[key] = json_text(text);
}
void put(json::object& into, std::string_view key, const std::optional<WallTime>& time) {
  if (time) into[key] = format_rfc3339(*time, true);
}

json::value usage_to_json(const Usage& usage) {
  return {{"in", usage.input},
          {"out", usage.output},
          {"cache_read", usage.cache_read},
          {"cache_write", usage.cache_write}};
}

Usage usage_from(const json::value& line) {
  const json::value* usage = get_member(line, "usage");
  if (usage == nullptr) return {};
  return {.input = get_int(*usage, "in").value_or(0),
          .output = get_int(*usage, "out").value_or(0),
          .cache_read = get_int(*usage, "cache_read").value_or(0),
          .cache_write = get_int(*usage, "cache_write").value_or(0)};
}

json::array attachments_to_json(const std::vector<Attachment>& attachments) {
  json::array array;
  for (const Attachment& attachment : attachments) {
    array.push_back({{"filename", json_text(attachment.filename)},
                     {"mime_type", json_text(attachment.media_type)},
                     {"size", json_text(attachment.size)}});
  }
  return array;
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

json::object to_object(const TranscriptMessage& message) {
  const bool user = message.role == TranscriptMessage::Role::kUser;
  json::object line{{"type", "message"}, {"role", user ? "user" : "assistant"}};
  line["content"] = json_text(message.content);
  put(line, "msg_id", message.msg_id);
  put(line, "sender", message.sender);
  put(line, "ts", message.ts);
  put(line, "origin_id", message.origin_id);
  put(line, "thread", message.thread);
  put(line, "turn", message.turn);
  put(line, "model", message.model);
  if (message.usage != Usage{}) line["usage"] = usage_to_json(message.usage);
  if (!message.attachments.empty()) line["attachments"] = attachments_to_json(message.attachments);
  return line;
}

json::object to_object(const TranscriptSummary& summary) {
  json::object line{{"type", "summary"}, {"compacted_count", summary.compacted_count}};
  line["content"] = json_text(summary.content);
  put(line, "ts", summary.ts);
  return line;
}

json::object to_object(const TranscriptTool& tool) {
  json::object line{{"type", "tool"}};
  put(line, "turn", tool.turn);
  put(line, "call", tool.call);
  put(line, "name", tool.name);
  put(line, "arguments", cut_utf8(to_valid_utf8(tool.arguments), kToolTextBytesMax));
  line["result"] = cut_utf8(to_valid_utf8(tool.result), kToolTextBytesMax);
  if (tool.is_error) line["is_error"] = true;
  put(line, "ts", tool.ts);
  return line;
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
  message.attachments = attachments_from(line);
  return message;
}

std::optional<TranscriptEntry> summary_from(const json::value& line) {
  return TranscriptSummary{.compacted_count = get_int(line, "compacted_count").value_or(0),
                           .content = std::string(get_string(line, "content")),
                           .ts = time_from(line, "ts")};
}

std::optional<TranscriptEntry> tool_from(const json::value& line) {
  return TranscriptTool{.turn = std::string(get_string(line, "turn")),
                        .call = std::string(get_string(line, "call")),
                        .name = std::string(get_string(line, "name")),
                        .arguments = std::string(get_string(line, "arguments")),
                        .result = std::string(get_string(line, "result")),
                        .is_error = get_bool(line, "is_error").value_or(false),
                        .ts = time_from(line, "ts")};
}

}  // namespace

json::string json_text(std::string_view text) {
  if (is_valid_utf8(text)) return json::string(text);
  return json::string(to_valid_utf8(text));
}

std::optional<WallTime> time_from(const json::value& value, std::string_view key) {
  const auto time = parse_rfc3339(get_string(value, key));
  // An offset can carry a time out of the years 0000 to 9999, which RFC 3339 cannot write.
  if (!time || parse_rfc3339(format_rfc3339(*time, true)) != time) return std::nullopt;
  return time;
}

std::string header_line(const Conversation& conversation, WallTime created) {
  json::object line{{"type", "session"}, {"version", kTranscriptVersion}};
  line["created"] = format_rfc3339(created);
  line["jid"] = json_text(conversation.peer);
  put(line, "thread", conversation.thread);
  return to_json(line);
}

std::string to_line(const TranscriptEntry& entry) {
  return to_json(std::visit([](const auto& e) { return to_object(e); }, entry));
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
