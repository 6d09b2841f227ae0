// What a message or a model's turn is made of.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "skep/base/json.h"

namespace skep {

struct TextPart {
  std::string text;
  bool operator==(const TextPart&) const = default;
};
// Bytes, not base64. `media_type` is one of image/jpeg, image/png, image/gif, image/webp.
struct ImagePart {
  std::string media_type;
  std::string bytes;
  bool operator==(const ImagePart&) const = default;
};
// A file named but not read into the model ("report.pdf", "application/pdf", 120 KB).
struct FilePart {
  std::string filename;
  std::string media_type;
  std::uint64_t size_bytes = 0;  // 0: unknown
  std::string url;
  std::string sha256;  // hex, as the sender says; empty: unknown
  bool operator==(const FilePart&) const = default;
};
struct ToolCall {
  std::string id;  // the provider's; unique within one assistant message only
  std::string name;
  json::value arguments;        // always an object, unless `arguments_error` says why not
  std::string arguments_error;  // non-empty: the model's JSON did not parse; the tool is not run,
                                // the model is told
  bool operator==(const ToolCall&) const = default;
};
struct ToolResult {
  std::string call_id;
  std::string name;
  std::string text;
  bool is_error = false;
  bool operator==(const ToolResult&) const = default;
};
// A provider's block that we do not understand or must echo verbatim (thinking with signature, …).
struct OpaquePart {
  std::string provider;
  json::value block;
  bool operator==(const OpaquePart&) const = default;
};
using Part = std::variant<TextPart, ImagePart, FilePart, ToolCall, ToolResult, OpaquePart>;

// The text parts, joined by newlines.
std::string text_of(const std::vector<Part>& parts);

// {"type":"text","text":…} …; images as base64. For journals and the wire.
json::value to_json_value(const Part& part);
Result<Part> part_from_json(const json::value& value);
json::array to_json_value(const std::vector<Part>& parts);
Result<std::vector<Part>> parts_from_json(const json::value& value);

// Tokens that one or more model calls used. Providers that report no cache figures leave them 0.
struct Usage {
  std::int64_t input = 0;  // not counting the cached ones
  std::int64_t output = 0;
  std::int64_t cache_read = 0;
  std::int64_t cache_write = 0;
  Usage& operator+=(const Usage& other);
  bool operator==(const Usage&) const = default;
};

}  // namespace skep
