#include "turn_journal.h"

#include "skep/base/json_text.h"
#include "skep/model/part_text.h"

namespace skep::agent {
namespace {

std::unexpected<Error> bad(std::string what) {
  return fail(Code::kCorrupt, "turn record: " + std::move(what));
}

Usage usage_in(const json::value& record) {
  const json::value* usage = get_member(record, "usage");
  if (usage == nullptr) return {};
  return {.input = get_int(*usage, "input").value_or(0),
          .output = get_int(*usage, "output").value_or(0),
          .cache_read = get_int(*usage, "cache_read").value_or(0),
          .cache_write = get_int(*usage, "cache_write").value_or(0)};
}

Result<void> read_begin(TurnState& turn, const json::value& record) {
  const json::value* message = get_member(record, "message");
  if (message == nullptr) return bad("no message");
  SKEP_TRY(turn.message, message_from_json(*message));
  if (auto src = Uuid::parse(get_string(record, "src"))) turn.message.src = NodeId{*src};
  if (auto name = Name::parse(get_string(record, "src_name"))) turn.message.src_name = *name;
  return {};
}

Result<void> read_corrected(TurnState& turn, const json::value& record) {
  const json::value* parts = get_member(record, "parts");
  if (parts == nullptr) return bad("no parts");
  SKEP_TRY(turn.message.parts, parts_from_json(*parts));
  return {};
}

Result<void> read_assistant(TurnState& turn, const json::value& record) {
  const json::value* parts = get_member(record, "parts");
  if (parts == nullptr) return bad("no parts");
  SKEP_TRY(std::vector<Part> read, parts_from_json(*parts));
  turn.rounds.push_back(make_round(std::move(read)));
  turn.usage += usage_in(record);
  turn.cost += get_int(record, "cost").value_or(0);
  turn.model = get_string(record, "model");
  return {};
}

Result<CallRecord*> call_of(TurnState& turn, const json::value& record) {
  std::int64_t index = get_int(record, "call").value_or(-1);
  if (turn.rounds.empty() || index < 0 ||
      static_cast<std::size_t>(index) >= turn.rounds.back().calls.size()) {
    return bad("no such call");
  }
  return &turn.rounds.back().calls[static_cast<std::size_t>(index)];
}

Result<void> read_tool_start(TurnState& turn, const json::value& record) {
  SKEP_TRY(CallRecord * call, call_of(turn, record));
  call->started = true;
  return {};
}

Result<void> read_tool_result(TurnState& turn, const json::value& record) {
  SKEP_TRY(CallRecord * call, call_of(turn, record));
  call->result = ToolResult{.call_id = std::string(get_string(record, "id")),
                            .name = std::string(get_string(record, "name")),
                            .text = std::string(get_string(record, "text")),
                            .is_error = get_bool(record, "is_error").value_or(false)};
  call->labels.bits = static_cast<std::uint8_t>(get_int(record, "labels").value_or(0));
  call->shows = get_bool(record, "image").value_or(false);
  return {};
}

Result<void> read_reply(TurnState& turn, const json::value& record) {
  const json::value* message = get_member(record, "message");
  if (message == nullptr) return bad("no reply message");
  SKEP_TRY(turn.reply, message_from_json(*message));
  turn.usage = usage_in(record);
  turn.model = get_string(record, "model");
  turn.read.bits = static_cast<std::uint8_t>(get_int(record, "labels").value_or(0));
  return {};
}

Result<void> read_step(TurnState& turn, const std::string& text) {
  SKEP_TRY(json::value record, parse_json(text));
  std::string_view step = get_string(record, "s");
  if (step == "corrected") return read_corrected(turn, record);
  if (step == "assistant") return read_assistant(turn, record);
  if (step == "tool_start") return read_tool_start(turn, record);
  if (step == "tool_result") return read_tool_result(turn, record);
  if (step == "reply") return read_reply(turn, record);
  return bad(fmt::format("unknown step \"{}\"", step));
}

}  // namespace

std::vector<ToolCall> calls_in(const std::vector<Part>& parts) {
  std::vector<ToolCall> calls;
  for (const Part& part : parts) {
    if (const auto* call = std::get_if<ToolCall>(&part)) calls.push_back(*call);
  }
  return calls;
}

Round make_round(std::vector<Part> parts) {
  Round round;
  for (ToolCall& call : calls_in(parts)) round.calls.push_back({.call = std::move(call)});
  round.parts = std::move(parts);
  return round;
}

// As text at once, without a tree of values, as the others below: they are part of every message's
// way.
std::string begin_record(const Message& message) {
  std::string out = R"({"message":)";
  append_json(out, message);
  out += R"(,"src":)";
  append_json_string(out, message.src.uuid.str());
  out += R"(,"src_name":)";
  append_json_string(out, message.src_name ? message.src_name->str() : std::string());
  out += '}';
  return out;
}

std::string corrected_record(const std::vector<Part>& parts) {
  return to_json(json::object{{"s", "corrected"}, {"parts", to_json_value(parts)}});
}

std::string assistant_record(const llm::Response& response) {
  std::string out;
  JsonObjectText record(out);
  record.text("s", "assistant").text("model", response.model);
  append_usage(record.at("usage"), response.usage);
  record.number("cost", response.price.of(response.usage));
  append_json(record.at("parts"), response.parts);
  record.end();
  return out;
}

std::string tool_start_record(std::size_t call, std::string_view name) {
  return to_json(json::object{{"s", "tool_start"}, {"call", call}, {"name", name}});
}

std::string tool_result_record(std::size_t call, const ToolResult& result, const CallRecord& of) {
  std::string out;
  JsonObjectText record(out);
  record.text("s", "tool_result").number("call", call).text("id", result.call_id);
  record.text("name", result.name).text("text", result.text).flag("is_error", result.is_error);
  if (of.labels.bits != 0) record.number("labels", of.labels.bits);
  if (of.shows) record.flag("image", true);
  record.end();
  return out;
}

std::string reply_record(const TurnState& turn, const Message& reply) {
  std::string out;
  JsonObjectText record(out);
  record.text("s", "reply").text("model", turn.model);
  append_usage(record.at("usage"), turn.usage);
  if (turn.read.bits != 0) record.number("labels", turn.read.bits);
  append_json(record.at("message"), reply);
  record.end();
  return out;
}

Result<TurnState> rebuild(const store::JournalEntry& entry) {
  TurnState turn;
  turn.resumed = true;
  if (entry.steps.empty()) return bad("no begin");
  SKEP_TRY(json::value begin, parse_json(entry.steps.front()));
  SKEP_TRY_VOID(read_begin(turn, begin));
  for (std::size_t i = 1; i < entry.steps.size(); ++i)
    SKEP_TRY_VOID(read_step(turn, entry.steps[i]));
  return turn;
}

}  // namespace skep::agent
