// Ollama /api/chat stream -> Response: one JSON object a line.
#include "classify.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::llm {
namespace {

StopReason stop_reason(std::string_view word) {
  if (word == "length") return StopReason::kMaxTokens;
  if (word == "stop" || word.empty()) return StopReason::kEnd;
  return StopReason::kUnknown;
}

class OllamaDecoder final : public StreamDecoder {
 public:
  explicit OllamaDecoder(EventSink sink) : StreamDecoder("ollama", std::move(sink)) {}

  Step event(std::string_view /*name*/, std::string_view data) override {
    if (trim(data).empty() || complete_) return {};
    auto value = parse(data);
    if (!value) return std::unexpected(std::move(value).error());
    const json::value* error = get_member(*value, "error");
    if (error != nullptr && !error->is_null())
      return std::unexpected(classify_stream_error(provider_, *error));
    if (std::string_view model = get_string(*value, "model"); !model.empty()) answer_.model = model;
    if (const json::value* part = get_member(*value, "message")) {
      if (Step step = message(*part); !step) return step;
    }
    if (get_bool(*value, "done").value_or(false)) end(*value);
    return {};
  }

  [[nodiscard]] bool complete() const override { return complete_; }

  std::expected<Response, Failure> finish() override {
    if (!complete_) return std::unexpected(broke_off(provider_));
    return answer_.finish(stop_reason(answer_.stop_detail));
  }

 private:
  void end(const json::value& value) {
    complete_ = true;
    answer_.stop_detail = get_string(value, "done_reason");
    answer_.usage.input = token_count(value, "prompt_eval_count");
    answer_.usage.output = token_count(value, "eval_count");
  }

  Step message(const json::value& part) {
    if (Step step = answer_.thinking(get_string(part, "thinking")); !step) return step;
    if (Step step = answer_.text_with_thoughts(get_string(part, "content")); !step) return step;
    const json::array* calls = get_array(part, "tool_calls");
    if (calls == nullptr) return {};
    for (const json::value& entry : *calls) {
      if (Step step = call(entry); !step) return step;
    }
    return {};
  }

  // Each call comes whole. Its id is ours: the server gives none, or one that repeats in the next
  // round.
  Step call(const json::value& entry) {
    const json::value* function = get_member(entry, "function");
    if (function == nullptr) return {};
    auto block = answer_.open_call(mint_call_id(), std::string(get_string(*function, "name")));
    if (!block) return std::unexpected(std::move(block).error());
    const json::value* arguments = get_member(*function, "arguments");
    if (arguments == nullptr || arguments->is_null()) return {};
    if (arguments->is_string()) return answer_.arguments(*block, arguments->get_string());
    return answer_.arguments(*block, to_json(*arguments));
  }

  bool complete_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> ollama_decoder(EventSink sink) {
  return std::make_unique<OllamaDecoder>(std::move(sink));
}

}  // namespace skep::llm
