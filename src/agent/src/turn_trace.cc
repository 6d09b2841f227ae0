#include "turn_trace.h"

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "sub_task.h"
#include "turn_journal.h"

namespace skep::agent {
namespace {

constexpr std::size_t kTextBytesMax = 64u << 10;  // of one result or answer
constexpr std::size_t kRequestBytesUsual = 32u << 10;

std::string cut(std::string_view text) { return std::string(cut_utf8(text, kTextBytesMax)); }

json::object usage_json(const Usage& usage) {
  return {{"input", usage.input},
          {"output", usage.output},
          {"cache_read", usage.cache_read},
          {"cache_write", usage.cache_write}};
}

double ms_between(TurnTrace::Steady::time_point from, TurnTrace::Steady::time_point to) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
  return static_cast<double>(us) / 1000;
}

}  // namespace

std::string request_mark(const llm::Request& request) {
  std::string all;
  all.reserve(kRequestBytesUsual);
  all += request.system;
  for (const llm::ChatMessage& message : request.messages) {
    all += message.role == llm::Role::kUser ? "\nU" : "\nA";
    for (const Part& part : message.parts) {
      all += '\0';
      if (const auto* text = std::get_if<TextPart>(&part)) {
        all += text->text;
      } else if (const auto* result = std::get_if<ToolResult>(&part)) {
        all += result->text;
      } else {
        all += to_json(to_json_value(part));
      }
    }
  }
  for (const llm::ToolSpec& tool : request.tools) all += '\n' + tool.name;
  return hex_encode(sha256(all).substr(0, 8));
}

void TurnTrace::begin(TurnLog* log, WallTime at) {
  log_ = log;
  began_at_ = at;
  began_ = now();
  steps_.clear();
}

std::vector<std::string> TurnTrace::lines() const {
  std::vector<std::string> lines;
  for (const json::value& step : steps_) lines.push_back(to_json(step));
  return lines;
}

void TurnTrace::offer(const llm::ToolSpecs& tools) {
  if (log_ == nullptr) return;
  auto kept = log_->keep_tools(tools);
  if (!kept) log::warn("agent", "a turn's tools are not kept: {}", kept.error().to_string());
  tools_ = std::move(kept).value_or(std::string());
}

double TurnTrace::ms_at(Steady::time_point time) const { return ms_between(began_, time); }

void TurnTrace::model_call(Steady::time_point from, const llm::Request& request,
                           const std::expected<llm::Response, llm::Failure>& outcome,
                           PicoUsd cost) {
  if (!on()) return;
  json::object step{{"s", "model"},
                    {"at_ms", ms_at(from)},
                    {"ms", ms_between(from, now())},
                    {"request", request_mark(request)},
                    {"tools_allowed", request.tools_allowed},
                    {"usage", usage_json(outcome ? outcome->usage : outcome.error().usage)},
                    {"cost", format_usd(cost)}};
  if (outcome) {
    step["model"] = outcome->model;
    step["stop"] = static_cast<int>(outcome->stop);
    step["parts"] = to_json_value(outcome->parts);
  } else {
    step["error"] = outcome.error().error.to_string();
    step["code"] = static_cast<int>(outcome.error().error.code);
  }
  steps_.push_back(std::move(step));
}

void TurnTrace::tool_call(Steady::time_point from, std::string_view place, const ToolCall& call,
                          const ToolResult& result, std::string_view why) {
  if (!on()) return;
  steps_.push_back(json::object{{"s", "tool"},
                                {"at_ms", ms_at(from)},
                                {"ms", ms_between(from, now())},
                                {"place", place},
                                {"name", call.name},
                                {"arguments", cut(to_json(call.arguments))},
                                {"result", cut(result.text)},
                                {"is_error", result.is_error},
                                {"why", why}});
}

void TurnTrace::finish(const TurnState& turn, std::string_view agent, std::string_view outcome) {
  if (!on() || !turn.reply) return;
  const Message& asked = turn.message;
  json::object line{{"v", 1},
                    {"turn", asked.id.str()},
                    {"reply", turn.reply->id.str()},
                    {"trace", asked.trace},
                    {"foreign_id", asked.foreign_id},
                    {"agent", agent},
                    {"person", asked.conversation.peer},
                    {"at", format_rfc3339(turn.reply->sent_at, true)},
                    {"ms", ms_at(now())},
                    {"outcome", outcome},
                    {"resumed", turn.resumed},
                    {"usage", usage_json(turn.usage)},
                    {"model", turn.model},
                    {"tools", tools_},
                    {"now", format_rfc3339(began_at_, true)},
                    {"history_budget", turn.history_budget},
                    {"personality", settings_.personality},
                    {"instructions", settings_.instructions},
                    {"identity", settings_.identity},
                    {"workspace", settings_.workspace},
                    {"persona", settings_.persona},
                    {"message", to_json_value(asked)},
                    {"text", cut(text_of(turn.reply->parts))},
                    {"steps", std::move(steps_)}};
  if (!tier_.empty()) {
    line["tier"] = tier_;
    line["tier_why"] = tier_why_;
  }
  if (const auto task = sub_task_of(asked)) {
    line["parent"] = task->turn;
    line["call"] = task->call;
    line["sub_agent"] = task->agent;
  }
  steps_ = json::array();
  if (auto written = log_->append(line); !written)
    log::warn("agent", "turn {} is not in the turn log: {}", asked.id.str(),
              written.error().to_string());
}

}  // namespace skep::agent
