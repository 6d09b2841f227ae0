// Anthropic Messages API stream -> Response.
#include <map>

#include "classify.h"
#include "skep/base/json.h"
#include "wire.h"

namespace skep::llm {
namespace {

StopReason stop_reason(std::string_view word) {
  if (word == "end_turn" || word == "stop_sequence" || word.empty()) return StopReason::kEnd;
  if (word == "tool_use") return StopReason::kToolUse;
  if (word == "max_tokens") return StopReason::kMaxTokens;
  if (word == "pause_turn") return StopReason::kPause;
  if (word == "refusal") return StopReason::kRefusal;
  if (word == "model_context_window_exceeded") return StopReason::kContextExceeded;
  return StopReason::kUnknown;
}

class AnthropicDecoder final : public StreamDecoder {
 public:
  explicit AnthropicDecoder(EventSink sink) : StreamDecoder("anthropic", std::move(sink)) {}

  Step event(std::string_view name, std::string_view data) override {
    if (name == "ping" || data.empty()) return {};
    auto value = parse(data);
    if (!value) return std::unexpected(std::move(value).error());
    // The type inside counts: a proxy may drop the event's name.
    std::string_view type = get_string(*value, "type");
    if (type == "message_start") return message_start(*value);
    if (type == "content_block_start") return block_start(*value);
    if (type == "content_block_delta") return block_delta(*value);
    if (type == "message_delta") return message_delta(*value);
    if (type == "message_stop") complete_ = true;
    if (type == "error" || name == "error") return std::unexpected(stream_error(*value));
    return {};  // ping, content_block_stop, and what may come in later versions
  }

  [[nodiscard]] bool complete() const override { return complete_; }

  std::expected<Response, Failure> finish() override {
    if (!complete_) return std::unexpected(broke_off(provider_));
    return answer_.finish(stop_);
  }

 private:
  struct Block {
    enum class Kind { kText, kCall, kThinking, kOther } kind;
    std::size_t number;
  };

  Failure stream_error(const json::value& value) const {
    const json::value* error = get_member(value, "error");
    return classify_stream_error(provider_, error != nullptr ? *error : value);
  }

  Step message_start(const json::value& value) {
    const json::value* message = get_member(value, "message");
    if (message == nullptr) return {};
    answer_.model = get_string(*message, "model");
    if (const json::value* usage = get_member(*message, "usage")) read_usage(*usage);
    return {};
  }

  // Figures are running totals; a later event repeats or replaces those it names.
  void read_usage(const json::value& usage) {
    if (get_int(usage, "input_tokens")) answer_.usage.input = token_count(usage, "input_tokens");
    if (get_int(usage, "output_tokens")) answer_.usage.output = token_count(usage, "output_tokens");
    if (get_int(usage, "cache_read_input_tokens")) {
      answer_.usage.cache_read = token_count(usage, "cache_read_input_tokens");
    }
    if (get_int(usage, "cache_creation_input_tokens")) {
      answer_.usage.cache_write = token_count(usage, "cache_creation_input_tokens");
    }
  }

  std::expected<Block, Failure> open(const json::value& content) {
    std::string_view type = get_string(content, "type");
    auto as = [](Block::Kind kind,
                 std::expected<std::size_t, Failure> number) -> std::expected<Block, Failure> {
      if (!number) return std::unexpected(std::move(number).error());
      return Block{kind, *number};
    };
    if (type == "text") return as(Block::Kind::kText, answer_.open_text());
    if (type == "tool_use") {
      return as(Block::Kind::kCall, answer_.open_call(std::string(get_string(content, "id")),
                                                      std::string(get_string(content, "name"))));
    }
    Block::Kind kind = type == "thinking" ? Block::Kind::kThinking : Block::Kind::kOther;
    return as(kind, answer_.open_opaque(json::object(content.get_object(), json::storage_ptr())));
  }

  Step block_start(const json::value& value) {
    auto index = get_int(value, "index");
    const json::value* content = get_member(value, "content_block");
    if (!index || content == nullptr || !content->is_object() || blocks_.contains(*index)) {
      return unusable("anthropic: a content block without its number or content", true);
    }
    auto block = open(*content);
    if (!block) return std::unexpected(std::move(block).error());
    blocks_.emplace(*index, *block);
    if (block->kind == Block::Kind::kText)
      return answer_.text(block->number, get_string(*content, "text"));
    // Some servers send the whole input at once.
    const json::object* input = get_object(*content, "input");
    if (block->kind == Block::Kind::kCall && input != nullptr && !input->empty()) {
      return answer_.arguments(block->number, to_json(*input));
    }
    return {};
  }

  Step block_delta(const json::value& value) {
    auto block = blocks_.find(get_int(value, "index").value_or(-1));
    const json::value* delta = get_member(value, "delta");
    if (block == blocks_.end() || delta == nullptr) {
      return unusable("anthropic: a piece of a content block that was never begun", true);
    }
    return add(block->second, *delta);
  }

  Step add(const Block& block, const json::value& delta) {
    std::string_view type = get_string(delta, "type");
    if (type == "text_delta" && block.kind == Block::Kind::kText) {
      return answer_.text(block.number, get_string(delta, "text"));
    }
    if (type == "input_json_delta" &&
        (block.kind == Block::Kind::kCall || block.kind == Block::Kind::kOther)) {
      return answer_.arguments(block.number, get_string(delta, "partial_json"));
    }
    if (type == "thinking_delta" && block.kind == Block::Kind::kThinking) {
      std::string_view words = get_string(delta, "thinking");
      if (Step step = answer_.thinking(words); !step) return step;
      return answer_.opaque_text(block.number, "thinking", words);
    }
    if (type == "signature_delta" && block.kind == Block::Kind::kThinking) {
      return answer_.opaque_text(block.number, "signature", get_string(delta, "signature"));
    }
    return {};  // citations and the like
  }

  Step message_delta(const json::value& value) {
    if (const json::value* usage = get_member(value, "usage")) read_usage(*usage);
    const json::value* delta = get_member(value, "delta");
    std::string_view word =
        delta != nullptr ? get_string(*delta, "stop_reason") : std::string_view();
    if (word.empty()) return {};
    answer_.stop_detail = word;
    stop_ = stop_reason(word);
    return {};
  }

  std::map<std::int64_t, Block> blocks_;  // by the provider's index, which need not be dense
  StopReason stop_ = StopReason::kEnd;
  bool complete_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> anthropic_decoder(EventSink sink) {
  return std::make_unique<AnthropicDecoder>(std::move(sink));
}

}  // namespace skep::llm
