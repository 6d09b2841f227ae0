#include "wire.h"

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

constexpr std::int64_t kTokensMax = 1'000'000'000;

void add_line(std::string& text, std::string_view line) {
  if (line.empty()) return;
  if (!text.empty()) text += '\n';
  text += line;
}

}  // namespace

std::string placeholder(const FilePart& file) {
  std::string text = "[file " + file.filename;
  if (!file.media_type.empty()) text += ", " + file.media_type;
  if (file.size_bytes > 0) text += ", " + human_size(file.size_bytes);
  if (!file.url.empty()) text += ", " + file.url;
  return text + "]";
}

std::string placeholder(const ImagePart& image) {
  return fmt::format("[image, {}, {}: not shown, this model takes no images]", image.media_type,
                     human_size(image.bytes.size()));
}

std::string plain_text(const std::vector<Part>& parts, bool images_sent) {
  std::string text;
  for (const Part& part : parts) {
    if (const auto* words = std::get_if<TextPart>(&part)) add_line(text, words->text);
    if (const auto* file = std::get_if<FilePart>(&part)) add_line(text, placeholder(*file));
    if (const auto* image = std::get_if<ImagePart>(&part); image != nullptr && !images_sent) {
      add_line(text, placeholder(*image));
    }
  }
  return text;
}

std::string result_text(const ToolResult& result) {
  std::string text = result.text.empty() ? "(empty)" : result.text;
  if (result.is_error && !starts_with_ignoring_ascii_case(text, "error")) return "Error: " + text;
  return text;
}

std::string function_tools(const ToolSpecs& tools) {
  std::string out = "[";
  for (const ToolSpec& tool : tools) {
    if (out.size() > 1) out += ',';
    out += R"({"type":"function","function":{"name":)";
    append_json_string(out, tool.name);
    out += R"(,"description":)";
    append_json_string(out, tool.description);
    out.append(R"(,"parameters":)").append(tool.input_schema.text()) += "}}";
  }
  return out + "]";
}

std::string to_json_with_tools(json::object body, std::string_view tools) {
  std::string text = to_json(json::value(std::move(body)));
  constexpr std::string_view kPlace = R"("tools":null)";
  // The first one is the key: nothing before it is a string from outside, and strings have no bare
  // quotes.
  if (std::size_t at = text.find(kPlace); at != std::string::npos) {
    text.replace(at + kPlace.size() - 4, 4, tools);
  }
  return text;
}

std::int64_t token_count(const json::value& value, std::string_view key) {
  std::int64_t count = get_int(value, key).value_or(0);
  return count > 0 && count < kTokensMax ? count : 0;
}

std::expected<json::value, Failure> StreamDecoder::parse(std::string_view data) {
  arena_.emplace(arena_bytes_.data(), arena_bytes_.size());
  auto value = parse_json(data, {}, &*arena_);
  if (!value) {
    return unusable(
        fmt::format("{}: a piece of the answer is not JSON: {}", provider_, value.error().message),
        true);
  }
  if (!value->is_object()) {
    return unusable(fmt::format("{}: a piece of the answer is no JSON object", provider_), true);
  }
  return std::move(*value);
}

Result<void> LineReader::feed(std::string_view bytes, std::vector<std::string>& out) {
  while (!bytes.empty()) {
    std::size_t end = bytes.find('\n');
    std::string_view piece = bytes.substr(0, end);
    if (held_.size() + piece.size() > line_bytes_max_) {
      return fail(Code::kCorrupt,
                  fmt::format("a line is longer than {}", human_size(line_bytes_max_)));
    }
    held_ += piece;
    if (end == std::string_view::npos) return {};
    if (std::string line = rest(); !line.empty()) out.push_back(std::move(line));
    bytes.remove_prefix(end + 1);
  }
  return {};
}

std::string LineReader::rest() {
  std::string line(trim(held_));
  held_.clear();
  return line;
}

}  // namespace skep::llm
