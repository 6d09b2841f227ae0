#include "turn_trace.h"

#include "skep/base/json_text.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/part_text.h"
#include "sub_task.h"
#include "turn_journal.h"

namespace skep::agent {
namespace {

constexpr std::size_t kTextBytesMax = 64u << 10;  // of one result or answer
constexpr std::size_t kRequestBytesUsual = 32u << 10;
constexpr std::size_t kLineBytesUsual = 4u << 10;

std::string ms_between(TurnTrace::Steady::time_point from, TurnTrace::Steady::time_point to) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
  return fmt::format("{}.{:03}", us / 1000, us % 1000);
}

// A text under each key.
using Texts = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void add(JsonObjectText& object, Texts texts) {
  for (const auto& [key, value] : texts) object.text(key, value);
}

}  // namespace

void append_usage(std::string& out, const Usage& usage) {
  JsonObjectText object(out);
  object.number("input", usage.input).number("output", usage.output);
  object.number("cache_read", usage.cache_read).number("cache_write", usage.cache_write).end();
}

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

void TurnTrace::offer(const llm::ToolSpecs& tools) {
  if (log_ == nullptr) return;
  auto kept = log_->keep_tools(tools);
  if (!kept) log::warn("agent", "a turn's tools are not kept: {}", kept.error().to_string());
  tools_ = std::move(kept).value_or(std::string());
}

std::string TurnTrace::ms_at(Steady::time_point time) const { return ms_between(began_, time); }

void TurnTrace::model_call(Steady::time_point from, const llm::Request& request,
                           const std::expected<llm::Response, llm::Failure>& outcome,
                           PicoUsd cost) {
  if (!on()) return;
  std::string& out = steps_.emplace_back();
  JsonObjectText step(out);
  step.text("s", "model").json("at_ms", ms_at(from)).json("ms", ms_between(from, now()));
  step.text("request", request_mark(request)).flag("tools_allowed", request.tools_allowed);
  append_usage(step.at("usage"), outcome ? outcome->usage : outcome.error().usage);
  step.text("cost", format_usd(cost));
  if (outcome) {
    step.text("model", outcome->model).number("stop", static_cast<int>(outcome->stop));
    append_json(step.at("parts"), outcome->parts);
  } else {
    step.text("error", outcome.error().error.to_string());
    step.number("code", static_cast<int>(outcome.error().error.code));
  }
  step.end();
}

void TurnTrace::tool_call(Steady::time_point from, std::string_view place, const ToolCall& call,
                          const ToolResult& result, std::string_view why) {
  if (!on()) return;
  std::string& out = steps_.emplace_back();
  JsonObjectText step(out);
  step.text("s", "tool").json("at_ms", ms_at(from)).json("ms", ms_between(from, now()));
  add(step, {{"place", place},
             {"name", call.name},
             {"arguments", cut_utf8(to_json(call.arguments), kTextBytesMax)},
             {"result", cut_utf8(result.text, kTextBytesMax)}});
  step.flag("is_error", result.is_error).text("why", why).end();
}

void TurnTrace::finish(const TurnState& turn, std::string_view agent, std::string_view outcome) {
  if (!on() || !turn.reply) return;
  const Message& asked = turn.message;
  std::string out;
  out.reserve(kLineBytesUsual);
  JsonObjectText line(out);
  line.number("v", 1);
  add(line, {{"turn", asked.id.str()},
             {"reply", turn.reply->id.str()},
             {"trace", asked.trace},
             {"foreign_id", asked.foreign_id},
             {"agent", agent},
             {"person", asked.conversation.peer},
             {"at", format_rfc3339(turn.reply->sent_at, true)}});
  line.json("ms", ms_at(now())).text("outcome", outcome).flag("resumed", turn.resumed);
  append_usage(line.at("usage"), turn.usage);
  add(line, {{"model", turn.model}, {"tools", tools_}, {"now", format_rfc3339(began_at_, true)}});
  line.number("history_budget", turn.history_budget);
  add(line, {{"personality", settings_.personality},
             {"instructions", settings_.instructions},
             {"identity", settings_.identity},
             {"workspace", settings_.workspace},
             {"persona", settings_.persona}});
  append_json(line.at("message"), asked);
  line.text("text", cut_utf8(text_of(turn.reply->parts), kTextBytesMax));
  line.json("steps", "[" + join(steps_, ",") + "]");
  if (!tier_.empty()) add(line, {{"tier", tier_}, {"tier_why", tier_why_}});
  if (const auto task = sub_task_of(asked))
    add(line, {{"parent", task->turn}, {"call", task->call}, {"sub_agent", task->agent}});
  line.end();
  steps_.clear();
  if (auto written = log_->append(out); !written)
    log::warn("agent", "turn {} is not in the turn log: {}", asked.id.str(),
              written.error().to_string());
}

}  // namespace skep::agent
