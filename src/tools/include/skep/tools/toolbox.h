// What an agent can do beside talking.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/authority/authority.h"
#include "skep/base/json.h"
#include "skep/llm/driver.h"
#include "skep/memory/ledger.h"
#include "skep/model/delegation.h"
#include "skep/model/message.h"

namespace skep::tools {

// Something that a call does to the world: what `authorize` is asked beside tool_invoke.
struct Need {
  authority::Action action = authority::Action::kToolInvoke;
  std::string resource;
  std::string carries = {};  // words that leave with it (kNetConnect): the URL, a body
};

// On whose behalf and where a tool runs.
struct ToolContext {
  Ctx ctx;  // ends with the turn, /cancel, or the tool's time limit
  Conversation conversation;
  std::string turn;  // id of the user message
  std::string call_id;
  Delegation delegation = {};      // whose turns wait for this one; nobody's when a person asked
  const Message* asked = nullptr;  // that the turn answers; null outside of one
  authority::Labels labels = {};   // of what the model had read when it asked for the call
  memory::Payer payer = {};        // whose account a call of a model goes to
  std::optional<Role> role = {};   // of the person behind it, where roles have a say
  std::int64_t tokens_left = 0;    // that the turn may still spend; 0: as many as it likes
  PicoUsd cost_left = 0;           // likewise
  bool whole = false;              // no model reads the output: it is not cut to fit one
  // Whether something may be done that shows only while it runs (where a page redirects to): why
  // not, or nothing. Empty: nobody has a say.
  std::function<std::optional<std::string>(const Need&)> why_not = {};
};

struct ToolOutput {
  std::string text;  // for the model; UTF-8
  bool is_error = false;
  authority::Labels labels = {};  // of this text, beside Tool::taint()
  Usage usage = {};  // of model calls that it made itself and that are on the bill already
  PicoUsd cost = 0;  // of that usage
  std::optional<ImagePart> image = {};  // shown to the model behind the results, if it can see
};

// One ability. Loop thread only; calls may run side by side.
class Tool {
 public:
  virtual ~Tool() = default;
  [[nodiscard]] virtual const llm::ToolSpec& spec() const = 0;
  // True when running it twice does no more than once. After a crash a call without a recorded
  // result is run again only if so; otherwise the model is told that it may have happened.
  [[nodiscard]] virtual bool repeatable() const = 0;
  // True when calls of one answer may run at the same time: one that is repeatable only looks, and
  // may run beside all such; one that is not may run beside calls of itself.
  [[nodiscard]] virtual bool side_by_side() const { return false; }
  [[nodiscard]] virtual std::chrono::milliseconds timeout() const {
    return std::chrono::seconds(60);
  }
  // What a call with these arguments needs. Pure; the arguments satisfy the schema.
  [[nodiscard]] virtual std::vector<Need> needs(const json::value& arguments) const {
    (void)arguments;
    return {};
  }
  // The same for a person who is asked, behind "May I …": "run `make test` in my sandbox".
  [[nodiscard]] virtual std::string describe(const json::value& arguments) const;
  // True when it is of no use to a model that cannot see images.
  [[nodiscard]] virtual bool only_shows() const { return false; }
  // Where the words of its output come from.
  [[nodiscard]] virtual authority::Labels taint() const { return {}; }
  // `arguments` satisfy the spec's schema. Failure is an output with is_error, in words the model
  // can act on.
  virtual Task<ToolOutput> call(ToolContext context, json::object arguments) = 0;
};

class ResultStore;

inline constexpr std::size_t result_bytes_max =
    50'000;  // longer output is cut in the middle with a note

// The tools of one agent.
class Toolbox {
 public:
  Toolbox();
  Toolbox(Toolbox&&) noexcept;
  Toolbox& operator=(Toolbox&&) noexcept;
  ~Toolbox();

  // kExists when the name is taken, kInvalid when the schema is no object or the name not
  // [a-z0-9_]{1,64}.
  Result<void> add(std::unique_ptr<Tool> tool);
  // More real calls within a minute get an output with is_error; 0: no limit.
  void limit_calls(std::size_t per_minute) { calls_per_minute_ = per_minute; }
  // From now on the whole text of a result over `bytes_max` (at most result_bytes_max) is kept in
  // `store`, which outlives this, and the note says by which handle result_read finds it.
  void keep_long_results(const ResultStore& store, std::size_t bytes_max);
  // As models are told of them (src/told.h), as of the last add(). A model that cannot see is not
  // told of what only shows.
  [[nodiscard]] const llm::ToolSpecs& specs(bool sees_images = true) const {
    return sees_images ? specs_ : blind_specs_;
  }
  [[nodiscard]] const Tool* find(std::string_view name) const;
  // What call() would answer without running anything: an unknown tool, bad arguments.
  [[nodiscard]] std::optional<ToolOutput> refusal(const ToolCall& call) const;
  // Checks the arguments against the schema, runs within the time limit, caps the result. Never
  // fails: an unknown tool, bad arguments, a time-out or cancellation is an output with is_error
  // that says what to do instead. Each real run is logged at info: "run <name> turn=<turn>
  // call=<call_id>".
  Task<ToolOutput> call(ToolContext context, const ToolCall& call) const;

 private:
  struct Entry;
  [[nodiscard]] const Entry* entry(std::string_view name) const;
  [[nodiscard]] ToolOutput unknown(std::string_view name) const;
  [[nodiscard]] bool too_many_calls() const;
  [[nodiscard]] std::string fitted(const Conversation& conversation, std::string text) const;
  std::vector<Entry> entries_;  // by name
  std::size_t calls_per_minute_ = 0;
  mutable std::deque<std::chrono::steady_clock::time_point> recent_;  // calls of the last minute
  const ResultStore* results_ = nullptr;
  std::size_t result_bytes_max_ = result_bytes_max;
  llm::ToolSpecs specs_, blind_specs_;
};

}  // namespace skep::tools
