// OpenAI chat completions stream -> Response, with the habits of compatible servers.
#include <map>

#include "classify.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/llm/model.h"
#include "wire.h"

namespace skep::llm {
namespace {

constexpr std::size_t kRequestBytesPerToken = 4;

StopReason stop_reason(std::string_view word) {
  if (word == "stop" || word.empty()) return StopReason::kEnd;
  if (word == "tool_calls" || word == "function_call") return StopReason::kToolUse;
  if (word == "length") return StopReason::kMaxTokens;
  if (word == "content_filter") return StopReason::kRefusal;
  return StopReason::kUnknown;
}

class OpenaiDecoder final : public StreamDecoder {
 public:
  OpenaiDecoder(EventSink sink, std::size_t request_bytes)
      : StreamDecoder("openai", std::move(sink)), request_bytes_(request_bytes) {}

  Step event(std::string_view /*name*/, std::string_view data) override {
    if (trim(data) == "[DONE]") {
      done_ = true;
      return {};
    }
    if (trim(data).empty()) return {};
    auto value = parse(data);
    if (!value) return std::unexpected(std::move(value).error());
    const json::value* error = get_member(*value, "error");
    if (error != nullptr && !error->is_null())
      return std::unexpected(classify_stream_error(provider_, *error));
    if (std::string_view model = get_string(*value, "model"); !model.empty()) answer_.model = model;
    if (const json::object* usage = get_object(*value, "usage")) read_usage(*usage);
    const json::array* choices = get_array(*value, "choices");
    if (choices == nullptr || choices->empty()) return {};
    return choice(choices->front());
  }

  [[nodiscard]] bool complete() const override { return done_ || finished_; }

  std::expected<Response, Failure> finish() override {
    if (!finished_ && !(done_ && seen_)) return std::unexpected(broke_off(provider_));
    if (!usage_seen_) estimate_usage();
    if (stop_ == StopReason::kEnd && refused_) stop_ = StopReason::kRefusal;
    return answer_.finish(stop_);
  }

 private:
  void read_usage(const json::object& object) {
    json::value usage(object);
    std::int64_t prompt = token_count(usage, "prompt_tokens");
    const json::value* details = get_member(usage, "prompt_tokens_details");
    std::int64_t cached = details != nullptr ? token_count(*details, "cached_tokens") : 0;
    cached = std::min(cached, prompt);
    answer_.usage = {.input = prompt - cached,
                     .output = token_count(usage, "completion_tokens"),
                     .cache_read = cached};
    usage_seen_ = prompt > 0 || answer_.usage.output > 0;
  }

  void estimate_usage() {
    answer_.usage.input = static_cast<std::int64_t>(request_bytes_ / kRequestBytesPerToken);
    answer_.usage.output =
        static_cast<std::int64_t>(answer_.text_bytes() / kRequestBytesPerToken) + 1;
  }

  Step choice(const json::value& value) {
    if (std::string_view word = get_string(value, "finish_reason"); !word.empty()) {
      finished_ = true;
      answer_.stop_detail = word;
      stop_ = stop_reason(word);
    }
    // A server that does not stream answers with a whole message.
    const json::value* delta = get_member(value, "delta");
    if (delta == nullptr) delta = get_member(value, "message");
    return delta != nullptr ? message(*delta) : Step();
  }

  Step message(const json::value& delta) {
    if (Step step = reasoning(delta); !step) return step;
    for (std::string_view member : {"content", "refusal"}) {
      std::string_view words = get_string(delta, member);
      if (words.empty()) continue;
      seen_ = true;
      refused_ |= member == "refusal";
      if (Step step = answer_.text_with_thoughts(words); !step) return step;
    }
    const json::array* calls = get_array(delta, "tool_calls");
    if (calls == nullptr) return {};
    for (const json::value& fragment : *calls) {
      if (Step step = call(fragment); !step) return step;
    }
    return {};
  }

  Step reasoning(const json::value& delta) {
    for (std::string_view field : {"reasoning_content", "reasoning"}) {
      std::string_view words = get_string(delta, field);
      if (words.empty()) continue;
      seen_ = true;
      if (!reasoning_) {
        auto block = answer_.open_opaque({{"type", "reasoning"}, {"field", field}});
        if (!block) return std::unexpected(std::move(block).error());
        reasoning_ = *block;
      }
      if (Step step = answer_.thinking(words); !step) return step;
      return answer_.opaque_text(*reasoning_, "text",
                                 words);  // the other field repeats the same words
    }
    return {};
  }

  // Which call a fragment belongs to: by index; by a new id where servers give every call index 0;
  // else the last one.
  std::expected<std::size_t, Failure> call_of(const json::value& fragment) {
    std::string id(get_string(fragment, "id"));
    auto index = get_int(fragment, "index");
    auto known = index ? calls_.find(*index) : calls_.end();
    if (known != calls_.end() && (id.empty() || answer_.call_id(known->second) == id))
      return known->second;
    if (!index && id.empty() && last_call_ && get_object(fragment, "function") != nullptr &&
        get_string(*get_member(fragment, "function"), "name").empty()) {
      return *last_call_;
    }
    auto block = answer_.open_call(id.empty() ? mint_call_id() : id, {});
    if (!block) return block;
    last_call_ = *block;
    calls_[index.value_or(static_cast<std::int64_t>(*block) + kNoIndex)] = *block;
    return block;
  }

  Step call(const json::value& fragment) {
    seen_ = true;
    auto block = call_of(fragment);
    if (!block) return std::unexpected(std::move(block).error());
    const json::value* function = get_member(fragment, "function");
    if (function == nullptr) return {};
    answer_.name_call(*block, get_string(*function, "name"));
    const json::value* arguments = get_member(*function, "arguments");
    if (arguments == nullptr || arguments->is_null()) return {};
    if (arguments->is_string()) return answer_.arguments(*block, arguments->get_string());
    return answer_.arguments(*block, to_json(*arguments));
  }

  static constexpr std::int64_t kNoIndex = 1'000'000;  // keys of calls that came without an index

  std::size_t request_bytes_;
  std::map<std::int64_t, std::size_t> calls_;
  std::optional<std::size_t> last_call_;
  std::optional<std::size_t> reasoning_;
  StopReason stop_ = StopReason::kEnd;
  bool finished_ = false;  // a finish_reason came
  bool done_ = false;
  bool seen_ = false;  // something of an answer came
  bool refused_ = false;
  bool usage_seen_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> openai_decoder(EventSink sink, std::size_t request_bytes) {
  return std::make_unique<OpenaiDecoder>(std::move(sink), request_bytes);
}

}  // namespace skep::llm
