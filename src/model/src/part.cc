#include "skep/model/part.h"

#include <fmt/format.h>

#include <limits>

#include "json_reader.h"
#include "skep/base/text.h"

namespace skep {
namespace {

struct Writer {
  json::value operator()(const TextPart& part) const {
    return {{"type", "text"}, {"text", part.text}};
  }
  json::value operator()(const ImagePart& part) const {
    return {
        {"type", "image"}, {"media_type", part.media_type}, {"data", base64_encode(part.bytes)}};
  }
  json::value operator()(const FilePart& part) const {
    json::object out = {{"type", "file"},
                        {"filename", part.filename},
                        {"media_type", part.media_type},
                        {"size_bytes", part.size_bytes},
                        {"url", part.url}};
    if (!part.sha256.empty()) out["sha256"] = part.sha256;
    return out;
  }
  json::value operator()(const ToolCall& part) const {
    json::object out = {
        {"type", "tool_call"}, {"id", part.id}, {"name", part.name}, {"arguments", part.arguments}};
    if (!part.arguments_error.empty()) out["arguments_error"] = part.arguments_error;
    return out;
  }
  json::value operator()(const ToolResult& part) const {
    return {{"type", "tool_result"},
            {"call_id", part.call_id},
            {"name", part.name},
            {"text", part.text},
            {"is_error", part.is_error}};
  }
  json::value operator()(const OpaquePart& part) const {
    return {{"type", "opaque"}, {"provider", part.provider}, {"block", part.block}};
  }
};

json::value copy_of(const json::value* member) {
  return member == nullptr ? json::value() : *member;
}

Part read_image(JsonReader& in) {
  std::optional<std::string> bytes = base64_decode(in.text("data"));
  if (!bytes) in.spoil("member \"data\" must be base64");
  return ImagePart{in.text("media_type"), bytes.value_or("")};
}

Part read_file(JsonReader& in) {
  std::int64_t size = in.integer("size_bytes", 0, std::numeric_limits<std::int64_t>::max(), 0);
  return FilePart{in.text("filename"), in.text("media_type"), static_cast<std::uint64_t>(size),
                  in.text("url"), in.text("sha256")};
}

Part read_by_type(JsonReader& in) {
  std::string type = in.text("type");
  if (type == "text") return TextPart{in.text("text")};
  if (type == "image") return read_image(in);
  if (type == "file") return read_file(in);
  if (type == "tool_call") {
    return ToolCall{in.text("id"), in.text("name"), copy_of(in.member("arguments")),
                    in.text("arguments_error")};
  }
  if (type == "tool_result") {
    return ToolResult{in.text("call_id"), in.text("name"), in.text("text"), in.flag("is_error")};
  }
  if (type == "opaque") return OpaquePart{in.text("provider"), copy_of(in.member("block"))};
  in.spoil(fmt::format("is of unknown type \"{}\"", cut_utf8(type, 40)));
  return {};
}

}  // namespace

std::string text_of(const std::vector<Part>& parts) {
  std::string text;
  bool first = true;
  for (const Part& part : parts) {
    const auto* piece = std::get_if<TextPart>(&part);
    if (piece == nullptr) continue;
    if (!std::exchange(first, false)) text.push_back('\n');
    text.append(piece->text);
  }
  return text;
}

json::value to_json_value(const Part& part) { return std::visit(Writer{}, part); }

Result<Part> part_from_json(const json::value& value) {
  JsonReader in(value, "part");
  Part part = read_by_type(in);
  SKEP_TRY_VOID(in.finish());
  return part;
}

json::array to_json_value(const std::vector<Part>& parts) {
  json::array out;
  out.reserve(parts.size());
  for (const Part& part : parts) out.push_back(to_json_value(part));
  return out;
}

Result<std::vector<Part>> parts_from_json(const json::value& value) {
  const json::array* items = value.if_array();
  if (items == nullptr) return fail(Code::kCorrupt, "parts must be an array");
  std::vector<Part> parts;
  parts.reserve(items->size());
  for (const json::value& item : *items) {
    SKEP_TRY(Part part, part_from_json(item));
    parts.push_back(std::move(part));
  }
  return parts;
}

Usage& Usage::operator+=(const Usage& other) {
  input += other.input;
  output += other.output;
  cache_read += other.cache_read;
  cache_write += other.cache_write;
  return *this;
}

}  // namespace skep
