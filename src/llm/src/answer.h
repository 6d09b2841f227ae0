// Folds a provider's stream into one Response, within limits, telling the watcher as it goes.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "skep/llm/driver.h"
#include "think.h"

namespace skep::llm {

inline constexpr std::size_t kTextBytesMax = 8u << 20;  // text and thinking of one answer together
inline constexpr std::size_t kArgumentsBytesMax =
    1u << 20;  // the JSON of one tool call, or of one opaque block
inline constexpr std::size_t kBlocksMax = 1024;  // parts of one answer
inline constexpr std::size_t kBadArgumentsShownMax =
    200;  // bytes of unreadable JSON shown to the model

using Step = std::expected<void, Failure>;

// An answer that we cannot use. `again`: another attempt may well be fine (a garbled piece, unlike
// a limit).
std::unexpected<Failure> unusable(std::string message, bool again);

// A tool call from the JSON text that a model wrote. Empty and null mean no arguments; an object
// inside a JSON string is unwrapped; anything else sets arguments_error.
ToolCall make_call(std::string id, std::string name, std::string_view arguments);
// For providers that give no id, or none that is unique.
std::string mint_call_id();

// One attempt's answer. A block number comes from one of the open calls. After an error it must not
// be used further, except for streamed() and usage.
class Answer {
 public:
  Answer(std::string provider, EventSink sink);

  std::expected<std::size_t, Failure> open_text();
  std::expected<std::size_t, Failure> open_call(std::string id, std::string name);
  std::expected<std::size_t, Failure> open_opaque(json::object block);

  Step text(std::size_t block, std::string_view delta);
  // Like text(), for providers without text blocks: <think>…</think> in front of the answer becomes
  // thinking.
  Step text_with_thoughts(std::string_view delta);
  Step thinking(std::string_view delta);
  Step arguments(std::size_t block, std::string_view delta);
  void name_call(std::size_t block, std::string_view name);
  [[nodiscard]] std::string_view call_id(std::size_t block) const { return blocks_[block].id; }
  json::object& opaque(std::size_t block) { return blocks_[block].opaque; }
  // Adds to a string member of an opaque block.
  Step opaque_text(std::size_t block, std::string_view member, std::string_view delta);

  [[nodiscard]] bool streamed() const { return streamed_; }
  [[nodiscard]] bool has_calls() const;
  [[nodiscard]] std::size_t text_bytes() const { return text_bytes_; }

  // The whole. Calls of an answer that was cut off (token limit, context, refusal) carry
  // arguments_error: they are not run.
  std::expected<Response, Failure> finish(StopReason stop);

  Usage usage;
  std::string model;
  std::string stop_detail;

 private:
  struct Block {
    enum class Kind { kText, kCall, kOpaque } kind = Kind::kText;
    std::string text;  // or the arguments, or an opaque block's input
    std::string id;
    std::string name;
    json::object opaque;
  };
  std::expected<std::size_t, Failure> open(Block block);
  Step count_text(std::string_view delta);
  void emit(StreamEvent::Type type, std::string_view text);
  Part make_part(Block block, bool cut);

  std::string provider_;
  EventSink sink_;
  std::vector<Block> blocks_;
  ThinkSplitter splitter_;
  std::optional<std::size_t> plain_text_;
  std::size_t text_bytes_ = 0;
  bool streamed_ = false;
  std::size_t last_text_block_ = 0;
};

}  // namespace skep::llm
