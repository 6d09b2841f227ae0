// Request -> Anthropic Messages API.
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::llm {
namespace {

// Ids from other providers may hold characters that this one refuses; a call and its result stay
// paired.
std::string safe_id(std::string_view id) {
  std::string out(id);
  for (char& c : out) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_' || c == '-';
    if (!plain) c = '_';
  }
  return out.empty() ? "call" : out;
}

json::object text_block(std::string_view text) {
  json::object block;
  block["type"] = "text";
  block["text"] = text;
  return block;
}

json::object image_block(const ImagePart& image) {
  json::object source;
  source["type"] = "base64";
  source["media_type"] = image.media_type;
  source["data"] = base64_encode(image.bytes);
  json::object block;
  block["type"] = "image";
  block["source"] = std::move(source);
  return block;
}

json::object call_block(const ToolCall& call) {
  json::object block;
  block["type"] = "tool_use";
  block["id"] = safe_id(call.id);
  block["name"] = call.name;
  block["input"] = call.arguments.is_object() ? call.arguments : json::value(json::object{});
  return block;
}

json::object result_block(const ToolResult& result) {
  json::object block;
  block["type"] = "tool_result";
  block["tool_use_id"] = safe_id(result.call_id);
  block["content"] = result.text.empty() ? "(empty)" : result.text;
  if (result.is_error) block["is_error"] = true;
  return block;
}

// Thinking is only taken back with its signature.
bool can_echo(const OpaquePart& part) {
  if (part.provider != "anthropic" || !part.block.is_object()) return false;
  return get_string(part.block, "type") != "thinking" ||
         !get_string(part.block, "signature").empty();
}

void add_block(json::array& content, const Part& part, const WireOptions& options) {
  if (const auto* text = std::get_if<TextPart>(&part)) {
    if (!trim(text->text).empty())
      content.push_back(text_block(text->text));  // blank text is refused
  } else if (const auto* image = std::get_if<ImagePart>(&part)) {
    content.push_back(options.images ? image_block(*image) : text_block(placeholder(*image)));
  } else if (const auto* file = std::get_if<FilePart>(&part)) {
    content.push_back(text_block(placeholder(*file)));
  } else if (const auto* call = std::get_if<ToolCall>(&part)) {
    content.push_back(call_block(*call));
  } else if (const auto* opaque = std::get_if<OpaquePart>(&part)) {
    if (can_echo(*opaque)) content.push_back(opaque->block);
  }
}

json::array message_content(const ChatMessage& message, const WireOptions& options) {
  json::array content;
  // Results must stand before everything else of their turn.
  for (const Part& part : message.parts) {
    if (const auto* result = std::get_if<ToolResult>(&part))
      content.push_back(result_block(*result));
  }
  for (const Part& part : message.parts) add_block(content, part, options);
  return content;
}

void mark(json::object& block) {
  json::object control;
  control["type"] = "ephemeral";
  block["cache_control"] = std::move(control);
}

// On the last block that takes a marker: thinking does not.
void mark_message(json::value& message) {
  json::array& content = message.as_object()["content"].as_array();
  for (auto block = content.rbegin(); block != content.rend(); ++block) {
    std::string_view type = get_string(*block, "type");
    if (type == "thinking" || type == "redacted_thinking") continue;
    mark(block->as_object());
    return;
  }
}

json::array encode_messages(const Request& request, const WireOptions& options) {
  json::array out;
  std::optional<std::size_t> border;  // the last message that will be sent again
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    json::array content = message_content(request.messages[i], options);
    if (content.empty()) continue;
    json::object message;
    message["role"] = request.messages[i].role == Role::kUser ? "user" : "assistant";
    message["content"] = std::move(content);
    out.push_back(std::move(message));
    if (i < request.cached_messages) border = out.size() - 1;
  }
  if (!options.cache || out.empty()) return out;
  if (border && *border + 1 < out.size()) mark_message(out[*border]);
  mark_message(out.back());
  return out;
}

json::array encode_tools(const std::vector<ToolSpec>& tools, bool cache) {
  json::array out;
  for (const ToolSpec& tool : tools) {
    json::object entry;
    entry["name"] = tool.name;
    entry["description"] = tool.description;
    entry["input_schema"] = tool.input_schema;
    out.push_back(std::move(entry));
  }
  if (cache) mark(out.back().as_object());
  return out;
}

}  // namespace

// Cache markers: tools, system, the cached history, the newest message. Four is all that the API
// takes.
std::string encode_anthropic(const Request& request, const WireOptions& options) {
  json::object body;
  body["model"] = options.model;
  body["max_tokens"] = request.max_tokens;
  body["stream"] = true;
  if (options.temperature) body["temperature"] = *options.temperature;
  if (!request.tools.empty()) {
    body["tools"] = encode_tools(request.tools, options.cache);
    if (!request.tools_allowed) body["tool_choice"] = json::object{{"type", "none"}};
  }
  if (!request.system.empty()) {
    json::object block = text_block(request.system);
    if (options.cache) mark(block);
    json::array system;
    system.push_back(std::move(block));
    body["system"] = std::move(system);
  }
  body["messages"] = encode_messages(request, options);
  return to_json(body);
}

}  // namespace skep::llm
