// Request -> Anthropic Messages API.
#include <optional>

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

// Thinking is only taken back with its signature.
bool can_echo(const OpaquePart& part) {
  if (part.provider != "anthropic" || !part.block.is_object()) return false;
  return get_string(part.block, "type") != "thinking" ||
         !get_string(part.block, "signature").empty();
}

constexpr std::string_view kCacheControl = R"(,"cache_control":{"type":"ephemeral"})";

// Writes the body as text: a tree of values for every call took a fifth of a turn.
class BodyWriter {
 public:
  BodyWriter(const Request& request, const WireOptions& options)
      : request_(request), options_(options) {}

  // Cache markers: tools, system, the cached history, the newest message. Four is all that the API
  // takes.
  std::string write() {
    out_.reserve(expected_bytes());
    out_ += R"({"model":)";
    append_json_string(out_, options_.model);
    out_ += fmt::format(R"(,"max_tokens":{},"stream":true)", request_.max_tokens);
    if (options_.temperature) out_ += R"(,"temperature":)" + to_json(*options_.temperature);
    if (!request_.tools.empty()) write_tools();
    if (!request_.system.empty()) {
      out_ += R"(,"system":[)";
      text_block(request_.system);
      if (options_.cache) out_.insert(out_.size() - 1, kCacheControl);
      out_ += ']';
    }
    write_messages();
    out_ += '}';
    return std::move(out_);
  }

 private:
  struct Markable {
    std::size_t message = 0;               // its number
    std::optional<std::size_t> block_end;  // the brace in front of which a marker may be put
  };

  [[nodiscard]] std::size_t expected_bytes() const {
    constexpr std::size_t kFraming = 128;  // of the body, a tool or a part
    std::size_t bytes = kFraming + request_.system.size();
    for (const ToolSpec& tool : request_.tools)
      bytes += kFraming + tool.description.size() + tool.input_schema.text().size();
    for (const ChatMessage& message : request_.messages) {
      for (const Part& part : message.parts) {
        bytes += kFraming;
        if (const auto* text = std::get_if<TextPart>(&part)) bytes += text->text.size();
        if (const auto* result = std::get_if<ToolResult>(&part)) bytes += result->text.size();
      }
    }
    return bytes;
  }

  void write_tools() {
    out_ += R"(,"tools":[)";
    for (const ToolSpec& tool : request_.tools) {
      if (out_.back() != '[') out_ += ',';
      out_ += R"({"name":)";
      append_json_string(out_, tool.name);
      out_ += R"(,"description":)";
      append_json_string(out_, tool.description);
      out_.append(R"(,"input_schema":)").append(tool.input_schema.text()) += '}';
    }
    if (options_.cache) out_.insert(out_.size() - 1, kCacheControl);
    out_ += ']';
    if (!request_.tools_allowed) out_ += R"(,"tool_choice":{"type":"none"})";
  }

  void write_messages() {
    out_ += R"(,"messages":[)";
    std::optional<Markable> border;  // the last message that will be sent again
    std::optional<Markable> last;
    for (std::size_t i = 0; i < request_.messages.size(); ++i) {
      const std::size_t number = last ? last->message + 1 : 0;
      const auto end = write_message(request_.messages[i], number);
      if (!end) continue;
      last = *end;
      if (i < request_.cached_messages) border = last;
    }
    out_ += ']';
    if (!options_.cache || !last) return;
    mark(*last);  // the last first: a marker moves what is behind it
    if (border && border->message != last->message) mark(*border);
  }

  void mark(const Markable& message) {
    if (message.block_end) out_.insert(*message.block_end, kCacheControl);
  }

  // Nothing when no block of it can be sent.
  std::optional<Markable> write_message(const ChatMessage& message, std::size_t number) {
    const std::size_t start = out_.size();
    if (number > 0) out_ += ',';
    out_ += message.role == Role::kUser ? R"({"role":"user","content":[)"
                                        : R"({"role":"assistant","content":[)";
    const std::size_t empty = out_.size();
    Markable markable{.message = number};
    // Results must stand before everything else of their turn.
    for (const Part& part : message.parts) {
      if (const auto* result = std::get_if<ToolResult>(&part)) {
        result_block(*result);
        markable.block_end = out_.size() - 1;
      }
    }
    for (const Part& part : message.parts) {
      if (add_block(part)) markable.block_end = out_.size() - 1;
    }
    if (out_.size() == empty) {
      out_.resize(start);
      return std::nullopt;
    }
    out_ += "]}";
    return markable;
  }

  // True when the block was added and takes a marker: thinking does not.
  bool add_block(const Part& part) {
    if (const auto* text = std::get_if<TextPart>(&part)) {
      if (trim(text->text).empty()) return false;  // blank text is refused
      text_block(text->text);
    } else if (const auto* image = std::get_if<ImagePart>(&part)) {
      options_.images ? image_block(*image) : text_block(placeholder(*image));
    } else if (const auto* file = std::get_if<FilePart>(&part)) {
      text_block(placeholder(*file));
    } else if (const auto* call = std::get_if<ToolCall>(&part)) {
      call_block(*call);
    } else if (const auto* opaque = std::get_if<OpaquePart>(&part)) {
      if (!can_echo(*opaque)) return false;
      begin_block();
      out_ += to_json(opaque->block);
      const std::string_view type = get_string(opaque->block, "type");
      return type != "thinking" && type != "redacted_thinking";
    } else {
      return false;
    }
    return true;
  }

  void begin_block() {
    if (out_.back() != '[') out_ += ',';
  }
  void text_block(std::string_view text) {
    begin_block();
    out_ += R"({"type":"text","text":)";
    append_json_string(out_, text);
    out_ += '}';
  }
  void image_block(const ImagePart& image) {
    begin_block();
    out_ += R"({"type":"image","source":{"type":"base64","media_type":)";
    append_json_string(out_, image.media_type);
    out_.append(R"(,"data":")").append(base64_encode(image.bytes)) += R"("}})";
  }
  void call_block(const ToolCall& call) {
    begin_block();
    out_.append(R"({"type":"tool_use","id":")").append(safe_id(call.id)) += R"(","name":)";
    append_json_string(out_, call.name);
    out_ += R"(,"input":)";
    out_ += call.arguments.is_object() ? to_json(call.arguments) : "{}";
    out_ += '}';
  }
  void result_block(const ToolResult& result) {
    begin_block();
    out_.append(R"({"type":"tool_result","tool_use_id":")").append(safe_id(result.call_id)) +=
        R"(","content":)";
    append_json_string(out_, result.text.empty() ? "(empty)" : std::string_view(result.text));
    out_ += result.is_error ? R"(,"is_error":true})" : "}";
  }

  const Request& request_;
  const WireOptions& options_;
  std::string out_;
};

}  // namespace

std::string encode_anthropic(const Request& request, const WireOptions& options) {
  return BodyWriter(request, options).write();
}

}  // namespace skep::llm
