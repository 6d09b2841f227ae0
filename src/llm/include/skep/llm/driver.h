// A language model behind one face. Streaming is the only path; the collected answer is a fold over
// the events.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/json.h"
#include "skep/base/result.h"
#include "skep/llm/catalogue.h"
#include "skep/llm/raw_log.h"
#include "skep/model/part.h"

namespace skep::llm {

// A JSON value that never changes, with its text, copied by reference.
class SharedJson {
 public:
  SharedJson() : SharedJson(json::value()) {}
  SharedJson(json::value value)  // NOLINT: implicit
      : held_(std::make_shared<const Held>(std::move(value))) {}
  SharedJson(json::object value) : SharedJson(json::value(std::move(value))) {}  // NOLINT: implicit
  operator const json::value&() const { return held_->value; }                   // NOLINT: implicit
  [[nodiscard]] const std::string& text() const { return held_->text; }

 private:
  struct Held {
    explicit Held(json::value from) : value(std::move(from)), text(to_json(value)) {}
    json::value value;
    std::string text;
  };
  std::shared_ptr<const Held> held_;
};

// What the model is told it may call.
struct ToolSpec {
  std::string name;
  std::string description;
  SharedJson input_schema;  // JSON Schema, an object
};

// The tools of an agent, sorted by name: never changes and is copied by reference, for it travels
// with every request.
class ToolSpecs {
 public:
  ToolSpecs() : ToolSpecs(std::vector<ToolSpec>()) {}
  ToolSpecs(std::vector<ToolSpec> specs)  // NOLINT: implicit
      : specs_(std::make_shared<const std::vector<ToolSpec>>(std::move(specs))) {}
  ToolSpecs(std::initializer_list<ToolSpec> specs) : ToolSpecs(std::vector<ToolSpec>(specs)) {}
  [[nodiscard]] auto begin() const { return specs_->begin(); }
  [[nodiscard]] auto end() const { return specs_->end(); }
  [[nodiscard]] std::size_t size() const { return specs_->size(); }
  [[nodiscard]] bool empty() const { return specs_->empty(); }
  const ToolSpec& operator[](std::size_t at) const { return (*specs_)[at]; }
  [[nodiscard]] bool same(const ToolSpecs& other) const {
    return specs_ == other.specs_;
  }  // a copy

 private:
  std::shared_ptr<const std::vector<ToolSpec>> specs_;
};

enum class Role { kUser, kAssistant };
struct ChatMessage {
  Role role = Role::kUser;
  std::vector<Part> parts;
  bool operator==(const ChatMessage&) const = default;
};

struct Request {
  std::string system;                 // stable part of the prompt, cacheable
  std::vector<ChatMessage> messages;  // starts with a user turn, roles alternate, every call has
                                      // its result (see repair.h in agent)
  std::size_t cached_messages =
      0;  // the first n messages will be sent again: providers with prompt caching mark that border
  ToolSpecs tools;
  bool tools_allowed =
      true;  // false: definitions are sent, calls are forbidden (tool choice "none")
  int max_tokens = 4096;
  std::optional<double> temperature;
  std::shared_ptr<RawLog> raw = {};  // where the attempts are kept; none: nobody looks
};

enum class StopReason { kEnd, kToolUse, kMaxTokens, kRefusal, kContextExceeded, kPause, kUnknown };

// Events on the loop thread, in order. Text only reaches the watcher through kTextDelta.
struct StreamEvent {
  enum class Type { kTextDelta, kThinkingDelta, kToolCallStart, kUsage };
  Type type = Type::kTextDelta;
  std::string_view text;  // the delta, or the tool's name; valid during the call
};
using EventSink = std::function<void(const StreamEvent&)>;

struct Response {
  std::vector<Part> parts;  // TextPart, ToolCall, OpaquePart, in the model's order
  StopReason stop = StopReason::kEnd;
  Usage usage;
  std::string model;     // that answered
  std::string provider;  // whose it is; with the price, from Model
  Price price = kUnknownPrice;
  std::string stop_detail;  // the provider's own word
};

// What a failed call means for the caller, beside Error's code. Codes: kUnauthenticated (bad key),
// kDenied (billing or permission), kNotFound (model), kTooLarge (context exceeded), kExhausted
// (rate limit), kUnavailable (overloaded, down, broke off), kTimeout, kCancelled, kCorrupt
// (unusable answer), kInvalid (request refused). Messages never carry keys.
struct Failure {
  Error error;
  bool retryable = false;
  std::optional<std::chrono::milliseconds> retry_after;  // the provider's wish
  bool streamed = false;                                 // some text had reached the sink
  Usage usage;  // what the attempt had cost when it failed, as far as the provider said
};

// One attempt against one provider. Loop thread only; calls may run side by side.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                         EventSink sink) = 0;
  [[nodiscard]] virtual std::string describe()
      const = 0;  // "anthropic (claude-sonnet-4-5)": for people
  [[nodiscard]] virtual std::string model() const = 0;
  [[nodiscard]] virtual bool takes_images() const = 0;
  // Also true of one that will only know when it is first asked.
  [[nodiscard]] virtual bool may_take_images() const { return takes_images(); }
  [[nodiscard]] virtual int context_window_tokens() const = 0;
};

}  // namespace skep::llm
