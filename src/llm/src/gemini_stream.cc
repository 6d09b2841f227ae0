// Gemini's stream of GenerateContentResponses -> Response.
#include <array>

#include "classify.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::llm {
namespace {

// MALFORMED_FUNCTION_CALL and what like it spoils the answer are told apart by the caller.
StopReason stop_reason(std::string_view word) {
  constexpr auto kRefusals =
      std::to_array<std::string_view>({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT",
                                       "SPII", "LANGUAGE", "IMAGE_SAFETY"});
  if (word == "STOP") return StopReason::kEnd;
  if (word == "MAX_TOKENS") return StopReason::kMaxTokens;
  if (std::ranges::find(kRefusals, word) != kRefusals.end()) return StopReason::kRefusal;
  return StopReason::kUnknown;
}

class GeminiDecoder final : public StreamDecoder {
 public:
  explicit GeminiDecoder(EventSink sink) : StreamDecoder("gemini", std::move(sink)) {}

  Step event(std::string_view /*name*/, std::string_view data) override {
    if (trim(data).empty()) return {};
    auto value = parse(data);
    if (!value) return std::unexpected(std::move(value).error());
    if (const json::value* error = get_member(*value, "error"); error != nullptr)
      return std::unexpected(classify_stream_error(provider_, *error));
    if (std::string_view model = get_string(*value, "modelVersion"); !model.empty())
      answer_.model = model;
    if (const json::value* usage = get_member(*value, "usageMetadata")) read_usage(*usage);
    if (const json::value* feedback = get_member(*value, "promptFeedback")) {
      end_with(get_string(*feedback, "blockReason"), StopReason::kRefusal);
    }
    const json::array* candidates = get_array(*value, "candidates");
    if (candidates == nullptr || candidates->empty()) return {};
    return candidate(candidates->front());
  }

  [[nodiscard]] bool complete() const override { return finished_; }

  std::expected<Response, Failure> finish() override {
    if (!finished_) return std::unexpected(broke_off(provider_));
    return answer_.finish(stop_);
  }

 private:
  void end_with(std::string_view word, StopReason stop) {
    if (word.empty()) return;
    finished_ = true;
    answer_.stop_detail = word;
    stop_ = stop;
  }

  // The last figures are those of the whole answer. Thoughts are paid for as output.
  void read_usage(const json::value& usage) {
    const std::int64_t prompt =
        token_count(usage, "promptTokenCount") + token_count(usage, "toolUsePromptTokenCount");
    const std::int64_t cached = std::min(token_count(usage, "cachedContentTokenCount"), prompt);
    answer_.usage = {.input = prompt - cached,
                     .output = token_count(usage, "candidatesTokenCount") +
                               token_count(usage, "thoughtsTokenCount"),
                     .cache_read = cached};
  }

  Step candidate(const json::value& value) {
    if (const json::value* content = get_member(value, "content")) {
      if (const json::array* parts = get_array(*content, "parts")) {
        for (const json::value& one : *parts) {
          if (Step step = part(one); !step) return step;
        }
      }
    }
    const std::string_view word = get_string(value, "finishReason");
    if (word == "MALFORMED_FUNCTION_CALL" || word == "UNEXPECTED_TOOL_CALL") {
      return unusable(fmt::format("gemini: the model made a call that cannot be read ({})", word),
                      true);
    }
    end_with(word, stop_reason(word));
    return {};
  }

  Step part(const json::value& value) {
    const std::string_view text = get_string(value, "text");
    const json::value* thought = get_member(value, "thought");
    if (thought != nullptr && thought->is_bool() && thought->get_bool())
      return answer_.thinking(text);
    std::string call;
    if (const json::value* function = get_member(value, "functionCall")) {
      call = mint_call_id();  // theirs are optional and need not be unique
      if (Step step = open_call(call, *function); !step) return step;
    } else if (!text.empty()) {
      if (Step step = add_text(text); !step) return step;
    }
    return keep_signature(call, get_string(value, "thoughtSignature"));
  }

  Step open_call(const std::string& id, const json::value& function) {
    auto block = answer_.open_call(id, std::string(get_string(function, "name")));
    if (!block) return std::unexpected(std::move(block).error());
    const json::value* arguments = get_member(function, "args");
    return arguments == nullptr ? Step() : answer_.arguments(*block, to_json(*arguments));
  }

  Step add_text(std::string_view delta) {
    if (!text_) {
      auto block = answer_.open_text();
      if (!block) return std::unexpected(std::move(block).error());
      text_ = *block;
    }
    return answer_.text(*text_, delta);
  }

  // Must be sent back with the part it came with: the text (one for all of it, the last) or a call.
  Step keep_signature(const std::string& call, std::string_view signature) {
    if (signature.empty()) return {};
    if (signature.size() > kArgumentsBytesMax)
      return unusable("gemini: a thought signature is longer than 1 MiB", false);
    if (call.empty() && text_signature_) {
      answer_.opaque(*text_signature_)["signature"] = signature;
      return {};
    }
    auto block = answer_.open_opaque({{"call", call}, {"signature", signature}});
    if (!block) return std::unexpected(std::move(block).error());
    if (call.empty()) text_signature_ = *block;
    return {};
  }

  std::optional<std::size_t> text_, text_signature_;
  StopReason stop_ = StopReason::kEnd;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> gemini_decoder(EventSink sink) {
  return std::make_unique<GeminiDecoder>(std::move(sink));
}

}  // namespace skep::llm
