// What a turn did so far, for the turn log.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "skep/agent/settings.h"
#include "skep/agent/turn_log.h"
#include "skep/llm/driver.h"
#include "skep/model/message.h"
#include "skep/model/money.h"
#include "skep/model/part.h"

namespace skep::agent {

struct TurnState;

// What a request is, in a few bytes: equal marks, equal words to the model.
std::string request_mark(const llm::Request& request);

// {"input","output","cache_read","cache_write"}
void append_usage(std::string& out, const Usage& usage);

// Collects steps while a turn runs; empty where there is no turn log. Times are milliseconds from
// the start of this process' part of the turn.
class TurnTrace {
 public:
  using Steady = std::chrono::steady_clock;

  void begin(TurnLog* log, WallTime at);
  void offer(const llm::ToolSpecs& tools);
  [[nodiscard]] const std::vector<std::string>& lines() const { return steps_; }  // so far, as JSON
  // What the conversation has of its own.
  void set(const ConversationSettings& settings) { settings_ = settings; }
  void set_tier(std::string tier, std::string why) {
    tier_ = std::move(tier);
    tier_why_ = std::move(why);
  }
  [[nodiscard]] bool on() const { return log_ != nullptr; }
  [[nodiscard]] static Steady::time_point now() { return Steady::now(); }

  void model_call(Steady::time_point from, const llm::Request& request,
                  const std::expected<llm::Response, llm::Failure>& outcome, PicoUsd cost);
  // `why`: what allowed it, or what kept it from being run.
  void tool_call(Steady::time_point from, std::string_view place, const ToolCall& call,
                 const ToolResult& result, std::string_view why);
  // One line into the log. `outcome`: "answered", "failed", …
  void finish(const TurnState& turn, std::string_view agent, std::string_view outcome);

 private:
  [[nodiscard]] std::string ms_at(Steady::time_point time) const;

  TurnLog* log_ = nullptr;
  Steady::time_point began_{};
  WallTime began_at_{};
  std::string tools_, tier_, tier_why_;
  ConversationSettings settings_;
  std::vector<std::string> steps_;
};

}  // namespace skep::agent
