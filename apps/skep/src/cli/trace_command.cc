// skep trace, skep replay: what a turn did, and the same turn once more. They read the files of the
// home; no daemon is needed.
#include <fmt/format.h>

#include "command_line.h"
#include "configure.h"
#include "skep/agent/replay.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::cli {

namespace {

constexpr std::size_t kShownBytes = 160;

// Models, tools and people chose these words: one line of them, without control characters.
std::string shown(std::string_view text) {
  std::string line(cut_utf8(trim(text), kShownBytes));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line.size() < trim(text).size() ? line + " …" : line;
}

double number(const json::value& value, std::string_view key) {
  const json::value* found = get_member(value, key);
  return found != nullptr && found->is_number() ? found->to_number<double>() : 0;
}

std::string usage_text(const json::value* usage) {
  if (usage == nullptr) return {};
  return fmt::format(
      "{} in ({} cached), {} out",
      get_int(*usage, "input").value_or(0) + get_int(*usage, "cache_read").value_or(0) +
          get_int(*usage, "cache_write").value_or(0),
      get_int(*usage, "cache_read").value_or(0), get_int(*usage, "output").value_or(0));
}

std::string said(const json::value& step) {
  const json::array* parts = get_array(step, "parts");
  std::vector<std::string> words;
  for (const json::value& part : parts == nullptr ? json::array() : *parts) {
    if (get_string(part, "type") == "text") words.push_back(shown(get_string(part, "text")));
    if (get_string(part, "type") == "tool_call")
      words.push_back(fmt::format("calls {}", get_string(part, "name")));
  }
  return join(words, "; ");
}

void print_step(const json::value& step) {
  const std::string when =
      fmt::format("{:>9.1f} ms {:>9.1f} ms", number(step, "at_ms"), number(step, "ms"));
  if (get_string(step, "s") == "model") {
    const bool failed = get_member(step, "error") != nullptr;
    fmt::print("{}  model {} {}, {}\n{:>26}{}\n", when,
               failed ? "failed" : get_string(step, "model"), usage_text(get_member(step, "usage")),
               get_string(step, "cost"), "",
               failed ? shown(get_string(step, "error")) : said(step));
    return;
  }
  const std::string_view why = get_string(step, "why");
  fmt::print("{}  tool {} {}{}\n{:>26}{}{}\n", when, get_string(step, "name"),
             shown(get_string(step, "arguments")),
             why.empty() ? "" : fmt::format(" ({})", shown(why)), "",
             get_bool(step, "is_error").value_or(false) ? "error: " : "",
             shown(get_string(step, "result")));
}

void print_steps(const json::value& turn) {
  const json::array* steps = get_array(turn, "steps");
  for (const json::value& step : steps == nullptr ? json::array() : *steps) print_step(step);
}

// What a sub-agent did, with times from its own beginning.
void print_part(const json::value& part) {
  const std::string_view name = get_string(part, "sub_agent");
  fmt::print("sub-agent {}of call {}: {} in {:.0f} ms, {}, turn {}\n",
             name.empty() ? "" : fmt::format("{} ", name), get_string(part, "call"),
             get_string(part, "outcome"), number(part, "ms"), usage_text(get_member(part, "usage")),
             get_string(part, "turn"));
  print_steps(part);
}

void print_turn(const json::value& turn) {
  fmt::print("turn {} of {} by {}, {}: {} in {:.0f} ms{}\n", get_string(turn, "turn"),
             get_string(turn, "person"), get_string(turn, "agent"), get_string(turn, "at"),
             get_string(turn, "outcome"), number(turn, "ms"),
             get_bool(turn, "resumed").value_or(false)
                 ? " (begun by a process before; its steps are not shown)"
                 : "");
  if (const json::value* message = get_member(turn, "message")) {
    if (auto asked = message_from_json(*message))
      fmt::print("{:>26}{}\n", "", shown(text_of(asked->parts)));
  }
  print_steps(turn);
  fmt::print("{:>24}  answer {}: {}\n", "", get_string(turn, "reply"),
             shown(get_string(turn, "text")));
}

Result<agent::ReplayReport> replay(const Options& options, const kernel::KernelConfig& config) {
  const std::string& directory = config.turn_log.directory;
  SKEP_TRY(const json::object turn, agent::find_turn(directory, options.target));
  SKEP_TRY(const llm::ToolSpecs tools,
           agent::read_tools(directory, get_string(json::value(turn), "tools")));
  SKEP_TRY(auto memory, memory::Memory::open(config.memory));
  return agent::replay_turn(turn, tools, config.agent, *memory);
}

}  // namespace

int run_trace(const Options& options) {
  const std::string directory = options.home + "/turns";
  auto turn = agent::find_turn(directory, options.target);
  if (!turn) return report(turn.error());
  const std::string id(get_string(json::value(*turn), "turn"));
  const std::vector<json::object> parts = agent::find_parts(directory, id);
  if (options.json) {
    if (!parts.empty()) (*turn)["sub_agents"] = json::array(parts.begin(), parts.end());
    fmt::print("{}\n", to_json(*turn));
    return 0;
  }
  print_turn(json::value(*turn));
  for (const json::object& part : parts) print_part(json::value(part));
  return 0;
}

int run_replay(const Options& options) {
  log::configure({.level = log::Level::kError});
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  const auto done = replay(options, *config);
  if (!done) return report(done.error());
  if (options.json) {
    fmt::print("{}\n",
               to_json(json::object{{"model_calls", done->model_calls},
                                    {"tool_calls", done->tool_calls},
                                    {"text", done->text},
                                    {"differences", json::array(done->differences.begin(),
                                                                done->differences.end())}}));
  } else {
    for (const std::string& difference : done->differences) fmt::print("{}\n", difference);
    fmt::print("{} model calls, {} tool calls: {}\n", done->model_calls, done->tool_calls,
               done->differences.empty() ? "the turn runs as it did" : "the turn runs differently");
    fmt::print("answer: {}\n", shown(done->text));
  }
  return done->differences.empty() ? 0 : kExitCheckFailed;
}

}  // namespace skep::cli
