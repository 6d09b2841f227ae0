// The providers' wire formats: a Request as their JSON, their stream as a Response. All pure: bytes
// in, values out.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer.h"
#include "skep/llm/driver.h"

namespace skep::llm {

// What an encoder needs beside the Request.
struct WireOptions {
  std::string model;
  std::optional<double> temperature;
  bool images = false;                 // send pictures; otherwise a note stands in their place
  bool cache = true;                   // anthropic: prompt-cache markers
  bool stream_options = true;          // openai: ask for usage figures
  bool max_completion_tokens = false;  // openai: the newer name of the token limit
  bool tools = true;                   // ollama: the model can call tools
  int num_ctx = 0;                     // ollama: 0 leaves it to the server
};

// Equal requests give equal bytes, and a request that only adds messages keeps the bytes of what
// came before, except for the place of cache markers: prompt caches depend on it.
std::string encode_anthropic(const Request& request, const WireOptions& options);
std::string encode_openai(const Request& request, const WireOptions& options);
std::string encode_ollama(const Request& request, const WireOptions& options);
std::string encode_gemini(const Request& request, const WireOptions& options);

// What stands in a prompt for a part that cannot be sent: "[file report.pdf, application/pdf, 120
// KB]".
std::string placeholder(const FilePart& file);
std::string placeholder(const ImagePart& image);
// Text, and placeholders for what is not sent, joined by newlines. Images are skipped when they are
// sent beside it.
std::string plain_text(const std::vector<Part>& parts, bool images_sent);
// The result as a provider without an error flag is told it; never empty.
std::string result_text(const ToolResult& result);
// Tools as OpenAI and Ollama take them, as JSON text.
std::string function_tools(const ToolSpecs& tools);
// `body` as text with `tools` (JSON) in place of its "tools", which is null: schemas are large, and
// a tree of them for every call cost a tenth of a turn.
std::string to_json_with_tools(json::object body, std::string_view tools);

// Decodes one attempt's stream, event by event. After an error: drop it, but streamed() and usage()
// still hold.
class StreamDecoder {
 public:
  StreamDecoder(std::string provider, EventSink sink)
      : provider_(provider), answer_(std::move(provider), std::move(sink)) {}
  virtual ~StreamDecoder() = default;

  // One server-sent event, or one line (then `name` is empty).
  virtual Step event(std::string_view name, std::string_view data) = 0;
  // The provider said that this was all.
  [[nodiscard]] virtual bool complete() const = 0;
  // Once, at the end of the stream: kUnavailable when it is not complete.
  virtual std::expected<Response, Failure> finish() = 0;

  [[nodiscard]] bool streamed() const { return answer_.streamed(); }
  [[nodiscard]] const Usage& usage() const { return answer_.usage; }

 protected:
  // A piece of JSON that must be an object. Its memory is reused: it, and copies of its insides
  // that are not given a storage of their own, must be gone before the next parse().
  std::expected<json::value, Failure> parse(std::string_view data);

  std::string provider_;
  Answer answer_;

 private:
  std::array<unsigned char, 4096>
      arena_bytes_;  // a usual event's tree; a larger one takes more from the heap
  std::optional<json::monotonic_resource>
      arena_;  // made anew for each event: one that is only released grows for ever
};

std::unique_ptr<StreamDecoder> anthropic_decoder(EventSink sink);
// `request_bytes`: for an estimate of the tokens when the server reports none.
std::unique_ptr<StreamDecoder> openai_decoder(EventSink sink, std::size_t request_bytes);
std::unique_ptr<StreamDecoder> ollama_decoder(EventSink sink);
std::unique_ptr<StreamDecoder> gemini_decoder(EventSink sink);

// A count from a foreign server: absent, negative or absurd values are 0.
std::int64_t token_count(const json::value& value, std::string_view key);

// Newline-delimited JSON. A longer line than `line_bytes_max` is refused.
class LineReader {
 public:
  explicit LineReader(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}
  // Appends each complete, non-blank line to `out`. kCorrupt over the limit.
  Result<void> feed(std::string_view bytes, std::vector<std::string>& out);
  // The last line, if it came without its newline.
  std::string rest();

 private:
  std::size_t line_bytes_max_;
  std::string held_;
};

}  // namespace skep::llm
