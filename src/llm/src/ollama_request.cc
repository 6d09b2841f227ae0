// Request -> Ollama /api/chat.
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::llm {
namespace {

json::object message_of(std::string_view role, std::string_view content) {
  json::object message;
  message["role"] = role;
  message["content"] = content;
  return message;
}

void add_user(json::array& out, const ChatMessage& message, const WireOptions& options) {
  json::array images;
  for (const Part& part : message.parts) {
    if (const auto* result = std::get_if<ToolResult>(&part)) {
      json::object entry = message_of("tool", result_text(*result));
      entry["tool_name"] = result->name;
      out.push_back(std::move(entry));
    }
    if (const auto* image = std::get_if<ImagePart>(&part); image != nullptr && options.images) {
      images.push_back(json::value(json::string(base64_encode(image->bytes))));
    }
  }
  std::string text = plain_text(message.parts, options.images);
  if (text.empty() && images.empty()) return;
  json::object entry = message_of("user", text);
  if (!images.empty()) entry["images"] = std::move(images);
  out.push_back(std::move(entry));
}

void add_assistant(json::array& out, const ChatMessage& message) {
  json::array calls;
  for (const Part& part : message.parts) {
    const auto* call = std::get_if<ToolCall>(&part);
    if (call == nullptr) continue;
    json::object function;
    function["name"] = call->name;
    function["arguments"] =
        call->arguments.is_object() ? call->arguments : json::value(json::object{});
    json::object entry;
    entry["function"] = std::move(function);
    calls.push_back(std::move(entry));
  }
  std::string text = plain_text(message.parts, false);
  if (text.empty() && calls.empty()) return;
  json::object entry = message_of("assistant", text);
  if (!calls.empty()) entry["tool_calls"] = std::move(calls);
  out.push_back(std::move(entry));
}

}  // namespace

std::string encode_ollama(const Request& request, const WireOptions& options) {
  json::array messages;
  if (!request.system.empty()) messages.push_back(message_of("system", request.system));
  for (const ChatMessage& message : request.messages) {
    message.role == Role::kUser ? add_user(messages, message, options)
                                : add_assistant(messages, message);
  }
  json::object settings;
  if (options.num_ctx > 0) settings["num_ctx"] = options.num_ctx;
  settings["num_predict"] = request.max_tokens;
  if (options.temperature) settings["temperature"] = *options.temperature;

  json::object body;
  body["model"] = options.model;
  body["stream"] = true;
  body["options"] = std::move(settings);
  // There is no tool choice: a call is only ruled out by leaving the tools out.
  if (!request.tools.empty() && request.tools_allowed && options.tools)
    body["tools"] = function_tools(request.tools);
  body["messages"] = std::move(messages);
  return to_json(body);
}

}  // namespace skep::llm
