// What a turn has come to, and its form in the journal. Kind: AgentDeps::journal_kind, entry id =
// id of the user's message:
//   begin {"message","src","src_name"}
//   {"s":"corrected","parts"}                                while it waits: these are meant
//   instead
//   {"s":"assistant","parts","usage","cost","model"}                after each model call that asks
//   for tools: a round
//   {"s":"tool_start","call","name"}                         before a tool that is not repeatable
//   runs; call = index in the round
//   {"s":"tool_result","call","id","name","text","is_error","labels",
//    "image"}                                               image: it came with one
//   {"s":"reply","message","model","usage","labels"}         the answer is decided; it keeps its id
//   from here on
// The latest "assistant" is the round that the tool records after it belong to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/authority/authority.h"
#include "skep/llm/driver.h"
#include "skep/model/message.h"
#include "skep/store/journal.h"
#include "turn_trace.h"

namespace skep::agent {

struct CallRecord {
  ToolCall call;
  bool started = false;  // recorded for tools that are not repeatable
  std::optional<ToolResult> result;
  std::string note;                // of the loop guard, for the end of the result
  std::string why;                 // what allowed it, for the turn log
  authority::Labels labels;        // of the result, beside what its tool always has
  std::optional<bool> secret;      // whether the result looks as if it held a key; once looked at
  std::optional<ImagePart> image;  // for the rest of this process's turn; not journaled
  bool shows = false;              // its result came with one
};
struct Round {
  std::vector<Part> parts;  // the assistant's
  std::vector<CallRecord> calls;
};
struct TurnState {
  Message message;
  bool resumed = false;  // by a later process: NodeIds in it may be stale
  std::vector<Round> rounds;
  Usage usage;
  PicoUsd cost = 0;        // of that usage
  std::string model;       // that answered last
  int history_budget = 0;  // tokens that its history could have; 0: it came to no prompt
  std::size_t history_tokens_max = 0;  // no more than these were in it before
  std::optional<Message> reply;
  authority::Labels read;  // of all that the model had read for the reply
  TurnTrace trace;
  SteadyTime alive = SteadyTime::max();   // its newest sign of life; max: none is due
  bool hung = false;                      // it was ended for want of one
  std::shared_ptr<llm::RawLog> raw = {};  // where a developer finds its requests
  std::string debug;                      // for a developer, behind the answer on the wire
  bool retracted = false;  // while it waited: nothing is to be done, and the journal knows
};

std::vector<ToolCall> calls_in(const std::vector<Part>& parts);
Round make_round(std::vector<Part> parts);

std::string begin_record(const Message& message);
std::string corrected_record(const std::vector<Part>& parts);
std::string assistant_record(const llm::Response& response);
std::string tool_start_record(std::size_t call, std::string_view name);
std::string tool_result_record(std::size_t call, const ToolResult& result,
                               const CallRecord& record);
std::string reply_record(const TurnState& turn, const Message& reply);

// kCorrupt when the records make no sense.
Result<TurnState> rebuild(const store::JournalEntry& entry);

}  // namespace skep::agent
