// Request -> OpenAI chat completions, as compatible servers also take it.
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::llm {
namespace {

json::object message_of(std::string_view role, json::value content) {
  json::object message;
  message["role"] = role;
  message["content"] = std::move(content);
  return message;
}

json::object image_part(const ImagePart& image) {
  json::object url;
  url["url"] = fmt::format("data:{};base64,{}", image.media_type, base64_encode(image.bytes));
  json::object part;
  part["type"] = "image_url";
  part["image_url"] = std::move(url);
  return part;
}

json::object text_part(std::string_view text) {
  json::object part;
  part["type"] = "text";
  part["text"] = text;
  return part;
}

bool has_image(const ChatMessage& message) {
  return std::ranges::any_of(message.parts,
                             [](const Part& p) { return std::holds_alternative<ImagePart>(p); });
}

// A plain string unless there are pictures: not every compatible server takes a list.
json::value user_content(const ChatMessage& message, const WireOptions& options) {
  if (!options.images || !has_image(message)) {
    return json::value(json::string(plain_text(message.parts, false)));
  }
  json::array content;
  for (const Part& part : message.parts) {
    if (const auto* text = std::get_if<TextPart>(&part); text != nullptr && !text->text.empty()) {
      content.push_back(text_part(text->text));
    }
    if (const auto* image = std::get_if<ImagePart>(&part)) content.push_back(image_part(*image));
    if (const auto* file = std::get_if<FilePart>(&part))
      content.push_back(text_part(placeholder(*file)));
  }
  return content;
}

// All results first, each a message, then one user message with everything else of the turn.
void add_user(json::array& out, const ChatMessage& message, const WireOptions& options) {
  bool more = false;
  for (const Part& part : message.parts) {
    const auto* result = std::get_if<ToolResult>(&part);
    if (result == nullptr) {
      more = true;
      continue;
    }
    json::object entry = message_of("tool", json::value(json::string(result_text(*result))));
    entry["tool_call_id"] = result->call_id;
    out.push_back(std::move(entry));
  }
  if (!more) return;
  json::value content = user_content(message, options);
  if (content.is_string() && content.get_string().empty()) return;
  out.push_back(message_of("user", std::move(content)));
}

json::object call_entry(const ToolCall& call) {
  json::object function;
  function["name"] = call.name;
  function["arguments"] =
      to_json(call.arguments.is_object() ? call.arguments : json::value(json::object{}));
  json::object entry;
  entry["id"] = call.id;
  entry["type"] = "function";
  entry["function"] = std::move(function);
  return entry;
}

void add_assistant(json::array& out, const ChatMessage& message) {
  json::array calls;
  const OpaquePart* reasoning = nullptr;
  for (const Part& part : message.parts) {
    if (const auto* call = std::get_if<ToolCall>(&part)) calls.push_back(call_entry(*call));
    if (const auto* opaque = std::get_if<OpaquePart>(&part);
        opaque != nullptr && opaque->provider == "openai") {
      reasoning = opaque;
    }
  }
  std::string text = plain_text(message.parts, false);
  if (text.empty() && calls.empty()) return;
  json::object entry = message_of(
      "assistant", text.empty() ? json::value(nullptr) : json::value(json::string(text)));
  if (!calls.empty()) {
    // Servers that reason between calls want their reasoning back, under the name they gave it, on
    // such turns only.
    if (reasoning != nullptr && !get_string(reasoning->block, "field").empty()) {
      entry[get_string(reasoning->block, "field")] = get_string(reasoning->block, "text");
    }
    entry["tool_calls"] = std::move(calls);
  }
  out.push_back(std::move(entry));
}

json::array encode_messages(const Request& request, const WireOptions& options) {
  json::array out;
  if (!request.system.empty()) {
    out.push_back(message_of("system", json::value(json::string(request.system))));
  }
  for (const ChatMessage& message : request.messages) {
    message.role == Role::kUser ? add_user(out, message, options) : add_assistant(out, message);
  }
  return out;
}

}  // namespace

std::string encode_openai(const Request& request, const WireOptions& options) {
  json::object body;
  body["model"] = options.model;
  body["stream"] = true;
  if (options.stream_options) body["stream_options"] = json::object{{"include_usage", true}};
  body[options.max_completion_tokens ? "max_completion_tokens" : "max_tokens"] = request.max_tokens;
  if (options.temperature) body["temperature"] = *options.temperature;
  if (!request.tools.empty()) {
    body["tools"] = function_tools(request.tools);
    body["tool_choice"] = request.tools_allowed ? "auto" : "none";
  }
  body["messages"] = encode_messages(request, options);
  return to_json(body);
}

}  // namespace skep::llm
