// Request -> Gemini API, v1beta generateContent.
#include <map>
#include <set>

#include "skep/base/json.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::llm {
namespace {

// The members of an OpenAPI 3.0 schema that the API takes; it refuses a request that holds others.
constexpr auto kSchemaMembers = std::to_array<std::string_view>(
    {"type", "format", "title", "description", "nullable", "enum", "items", "maxItems", "minItems",
     "properties", "required", "minimum", "maximum", "minLength", "maxLength", "pattern", "anyOf"});

bool is_schema_member(std::string_view key) {
  return std::ranges::find(kSchemaMembers, key) != kSchemaMembers.end();
}

json::value plain_schema(const json::value& schema);

// ["string","null"] is JSON Schema's way, {type, nullable} theirs.
void plain_type(const json::value& type, json::object& out) {
  if (!type.is_array()) {
    out["type"] = type;
    return;
  }
  for (const json::value& one : type.get_array()) {
    if (one == "null") {
      out["nullable"] = true;
    } else if (!out.contains("type")) {
      out["type"] = one;
    }
  }
}

json::array plain_schemas(const json::array& schemas) {
  json::array out;
  for (const json::value& schema : schemas) out.push_back(plain_schema(schema));
  return out;
}

json::object plain_properties(const json::object& properties) {
  json::object out;
  for (const auto& [name, schema] : properties) out[name] = plain_schema(schema);
  return out;
}

// JSON Schema as the subset of OpenAPI that the API understands. What it has no word for is left
// out: the toolbox checks the arguments against the whole schema anyway.
json::value plain_schema(const json::value& schema) {
  if (!schema.is_object()) return json::object{{"type", "string"}};
  json::object out;
  for (const auto& [key, value] : schema.get_object()) {
    if (key == "type") {
      plain_type(value, out);
    } else if (key == "properties" && value.is_object()) {
      out[key] = plain_properties(value.get_object());
    } else if (key == "items") {
      out[key] = plain_schema(value);
    } else if ((key == "anyOf" || key == "oneOf") && value.is_array()) {
      out["anyOf"] = plain_schemas(value.get_array());
    } else if (key == "const") {
      out["enum"] = json::array{value};
    } else if (is_schema_member(key)) {
      out[key] = value;
    }
  }
  return out;
}

json::object declaration(const ToolSpec& tool) {
  json::object out{{"name", tool.name}, {"description", tool.description}};
  json::value schema = plain_schema(tool.input_schema);
  const json::object* properties = get_object(schema, "properties");
  // An object without properties is refused: such a tool simply has no parameters.
  if (properties != nullptr && !properties->empty()) out["parameters"] = std::move(schema);
  return out;
}

json::object text_part(std::string_view text) { return {{"text", text}}; }

// What earlier answers of this provider carried beside their parts (gemini_stream.cc).
class Signatures {
 public:
  explicit Signatures(const std::vector<Part>& parts) {
    for (const Part& part : parts) {
      const auto* opaque = std::get_if<OpaquePart>(&part);
      if (opaque == nullptr || opaque->provider != "gemini") continue;
      by_call_[std::string(get_string(opaque->block, "call"))] =
          get_string(opaque->block, "signature");
    }
  }
  // `call`: empty for the text.
  void sign(json::object& part, const std::string& call) const {
    if (auto at = by_call_.find(call); at != by_call_.end()) part["thoughtSignature"] = at->second;
  }

 private:
  std::map<std::string, std::string> by_call_;
};

class Contents {
 public:
  explicit Contents(const WireOptions& options) : options_(options) {}

  void add(const ChatMessage& message) {
    json::array parts = message.role == Role::kUser ? user_parts(message) : model_parts(message);
    if (parts.empty()) return;
    contents_.push_back(json::object{{"role", message.role == Role::kUser ? "user" : "model"},
                                     {"parts", std::move(parts)}});
  }
  json::array take() { return std::move(contents_); }

 private:
  // Results first, in the order of their calls.
  json::array user_parts(const ChatMessage& message) {
    json::array parts;
    for (const Part& part : message.parts) {
      if (const auto* result = std::get_if<ToolResult>(&part))
        parts.push_back(result_part(*result));
    }
    for (const Part& part : message.parts) {
      const auto* image = std::get_if<ImagePart>(&part);
      const auto* file = std::get_if<FilePart>(&part);
      const auto* text = std::get_if<TextPart>(&part);
      if (text != nullptr && !text->text.empty()) parts.push_back(text_part(text->text));
      if (file != nullptr) parts.push_back(text_part(placeholder(*file)));
      if (image != nullptr) parts.push_back(image_part(*image));
    }
    return parts;
  }

  json::array model_parts(const ChatMessage& message) {
    const Signatures signatures(message.parts);
    json::array parts;
    if (std::string text = plain_text(message.parts, false); !text.empty()) {
      parts.push_back(text_part(text));
      signatures.sign(parts.back().get_object(), {});
    }
    for (const Part& part : message.parts) {
      const auto* call = std::get_if<ToolCall>(&part);
      if (call == nullptr) continue;
      names_[call->id] = call->name;
      json::object entry{
          {"functionCall",
           json::object{{"name", call->name},
                        {"args", call->arguments.is_object() ? call->arguments
                                                             : json::value(json::object{})}}}};
      signatures.sign(entry, call->id);
      parts.push_back(std::move(entry));
    }
    return parts;
  }

  json::object result_part(const ToolResult& result) {
    auto called = names_.find(result.call_id);
    const std::string& name = called == names_.end() ? result.name : called->second;
    json::object response{{result.is_error ? "error" : "result",
                           result.text.empty() ? std::string("(empty)") : result.text}};
    return {{"functionResponse", json::object{{"name", name}, {"response", std::move(response)}}}};
  }

  json::object image_part(const ImagePart& image) const {
    if (!options_.images) return text_part(placeholder(image));
    return {{"inlineData",
             json::object{{"mimeType", image.media_type}, {"data", base64_encode(image.bytes)}}}};
  }

  const WireOptions& options_;
  std::map<std::string, std::string> names_;  // of calls, by id
  json::array contents_;
};

}  // namespace

std::string encode_gemini(const Request& request, const WireOptions& options) {
  json::object body;
  if (!request.system.empty()) {
    body["systemInstruction"] = json::object{{"parts", json::array{text_part(request.system)}}};
  }
  Contents contents(options);
  for (const ChatMessage& message : request.messages) contents.add(message);
  body["contents"] = contents.take();
  if (!request.tools.empty()) {
    json::array declarations;
    for (const ToolSpec& tool : request.tools) declarations.push_back(declaration(tool));
    body["tools"] = json::array{json::object{{"functionDeclarations", std::move(declarations)}}};
    if (!request.tools_allowed) {
      body["toolConfig"] = json::object{{"functionCallingConfig", json::object{{"mode", "NONE"}}}};
    }
  }
  json::object generation{{"maxOutputTokens", request.max_tokens}};
  if (options.temperature) generation["temperature"] = *options.temperature;
  body["generationConfig"] = std::move(generation);
  return to_json(body);
}

}  // namespace skep::llm
