// The built-in demo model: no network, no language model, the same answer to the same words. It
// follows a few fixed instructions, so that everything around a model can be tried without one.
#include <charconv>

#include "answer.h"
#include "drivers.h"
#include "skep/async/wait.h"
#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

constexpr int kCountMax = 1000;
constexpr std::size_t kEchoBytesMax = 500;

struct Reply {
  std::string text;
  std::string tool;       // to call; empty: none
  std::string arguments;  // as they were written: reading them is the fold's job, as with any model
};

const ToolSpec* find_tool(const Request& request, std::string_view name) {
  for (const ToolSpec& tool : request.tools) {
    if (tool.name == name) return &tool;
  }
  return nullptr;
}

// What follows `lead`, if `text` begins with it as words of its own.
std::optional<std::string_view> after(std::string_view text, std::string_view lead) {
  if (!starts_with_ignoring_ascii_case(text, lead)) return std::nullopt;
  std::string_view rest = text.substr(lead.size());
  if (!rest.empty() && rest.front() != ' ' && rest.front() != '\n') return std::nullopt;
  return trim(rest);
}

std::string_view without_mark(std::string_view text) {
  while (!text.empty() && std::string_view(".?!").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  return trim(text);
}

// The first word of `text`, which loses it.
std::string_view take_word(std::string_view& text) {
  std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
  std::string_view word = text.substr(0, end);
  text = trim(text.substr(end));
  return word;
}

bool wants_text(const ToolSpec& tool, std::string_view property) {
  const json::value* properties = get_member(tool.input_schema, "properties");
  const json::value* about = properties != nullptr ? get_member(*properties, property) : nullptr;
  return about != nullptr && get_string(*about, "type") == "string";
}

// `key=value` and `key="two words"`; numbers, booleans and null as such, unless the schema wants
// text.
json::object parse_pairs(std::string_view text, const ToolSpec& tool) {
  json::object out;
  while (!text.empty()) {
    std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) break;
    std::string_view key = trim(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    std::size_t close = text.starts_with('"') ? text.find('"', 1) : std::string_view::npos;
    if (close != std::string_view::npos) {
      out[key] = text.substr(1, close - 1);
      text = trim(text.substr(close + 1));
      continue;
    }
    std::string_view word = take_word(text);
    auto parsed = parse_json(word);
    bool plain = !parsed || wants_text(tool, key);
    out[key] = plain ? json::value(json::string(word)) : std::move(*parsed);
  }
  return out;
}

std::string tool_names(const Request& request) {
  std::vector<std::string> names;
  for (const ToolSpec& tool : request.tools) names.push_back(tool.name);
  return names.empty() ? "none" : join(names, ", ");
}

Reply call_tool(const Request& request, std::string_view rest) {
  std::string name(take_word(rest));
  const ToolSpec* tool = find_tool(request, name);
  if (tool == nullptr) {
    return {.text = fmt::format("There is no tool named \"{}\". I can call: {}.", name,
                                tool_names(request))};
  }
  if (!request.tools_allowed) return {.text = fmt::format("I may not call {} now.", name)};
  return {
      .tool = name,
      .arguments = rest.starts_with('{') ? std::string(rest) : to_json(parse_pairs(rest, *tool))};
}

bool may_call(const Request& request, std::string_view name) {
  return request.tools_allowed && find_tool(request, name) != nullptr;
}

std::optional<Reply> remember(const Request& request, std::string_view text) {
  auto fact = after(text, "remember that");
  if (!fact || !may_call(request, "memory_store")) return std::nullopt;
  std::size_t is = fact->find(" is ");
  if (is == std::string_view::npos) return std::nullopt;
  json::object arguments;
  arguments["key"] = trim(fact->substr(0, is));
  arguments["content"] = without_mark(fact->substr(is + 4));
  return Reply{.tool = "memory_store", .arguments = to_json(arguments)};
}

std::optional<Reply> recall(const Request& request, std::string_view text) {
  auto what = after(text, "recall");
  if (!what) what = after(text, "what is");
  if (!what || without_mark(*what).empty() || !may_call(request, "memory_recall"))
    return std::nullopt;
  json::object arguments;
  arguments["query"] = without_mark(*what);
  return Reply{.tool = "memory_recall", .arguments = to_json(arguments)};
}

std::optional<Reply> count(std::string_view text) {
  auto rest = after(text, "count to");
  if (!rest) return std::nullopt;
  int limit = 0;
  std::string_view digits = without_mark(*rest);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), limit);
  if (error != std::errc() || end != digits.data() + digits.size() || limit < 1)
    return std::nullopt;
  if (limit > kCountMax) return Reply{.text = fmt::format("I count to {} at most.", kCountMax)};
  std::string numbers = "1";
  for (int i = 2; i <= limit; ++i) numbers += fmt::format(" {}", i);
  return Reply{.text = std::move(numbers)};
}

std::optional<Reply> follow(const Request& request, std::string_view text) {
  if (auto rest = after(text, "say"); rest && !rest->empty())
    return Reply{.text = std::string(*rest)};
  for (std::string_view verb : {"call", "use"}) {
    auto rest = after(text, verb);
    if (rest && !rest->empty()) return call_tool(request, *rest);
  }
  if (auto reply = remember(request, text)) return reply;
  if (auto reply = recall(request, text)) return reply;
  return count(text);
}

std::string introduction(const Request& request, std::string_view said) {
  return fmt::format(
      "I am Skep's built-in demo model, not a language model. You said: {}\n"
      "I follow \"say …\", \"count to …\", \"remember that … is …\", \"recall …\" and \"call TOOL "
      "key=value\" (tools: {}).\n"
      "For real answers set ANTHROPIC_API_KEY or OPENAI_API_KEY, start Ollama, or fill in [llm] in "
      "skep.toml.",
      said.empty() ? "(nothing)" : cut_utf8(said, kEchoBytesMax), tool_names(request));
}

// The newest text of the newest message, without a room's "nick: " in front if the rest is an
// instruction.
Reply answer_text(const Request& request, const ChatMessage& message) {
  std::string_view text;
  for (const Part& part : message.parts) {
    const auto* words = std::get_if<TextPart>(&part);
    if (words != nullptr && !trim(words->text).empty()) text = trim(words->text);
  }
  if (auto reply = follow(request, text)) return *std::move(reply);
  std::size_t colon = text.find(": ");
  if (colon != std::string_view::npos &&
      text.substr(0, colon).find(' ') == std::string_view::npos) {
    if (auto reply = follow(request, trim(text.substr(colon + 2)))) return *std::move(reply);
  }
  return {.text = introduction(request, text)};
}

Reply answer(const Request& request) {
  if (request.messages.empty()) return {.text = introduction(request, {})};
  const ChatMessage& newest = request.messages.back();
  Reply reply;
  for (const Part& part : newest.parts) {
    const auto* result = std::get_if<ToolResult>(&part);
    if (result == nullptr) continue;
    if (!reply.text.empty()) reply.text += '\n';
    reply.text +=
        result->is_error ? fmt::format("{} failed: {}", result->name, result->text) : result->text;
    if (result->text.empty()) reply.text += fmt::format("{} gave no text.", result->name);
  }
  return reply.text.empty() ? answer_text(request, newest) : reply;
}

std::size_t request_tokens(const Request& request) {
  std::size_t tokens = estimate_tokens(request.system);
  for (const ChatMessage& message : request.messages)
    tokens += estimate_tokens(text_of(message.parts));
  return tokens;
}

class DemoDriver final : public Driver {
 public:
  Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                 EventSink sink) override {
    Reply reply = answer(request);
    Answer out("demo", std::move(sink));
    out.model = model();
    out.usage.input = static_cast<std::int64_t>(request_tokens(request));
    out.usage.output = static_cast<std::int64_t>(estimate_tokens(reply.text + reply.arguments));
    if (!reply.tool.empty()) co_return call(out, reply);
    auto block = out.open_text();
    if (!block) co_return std::unexpected(std::move(block).error());
    std::string_view rest = reply.text;
    while (!rest.empty()) {
      if (auto going = ctx.check(); !going) {
        co_return std::unexpected(
            Failure{.error = std::move(going).error(), .streamed = out.streamed()});
      }
      std::size_t word = std::min(rest.find_first_of(" \n"), rest.size() - 1) + 1;
      if (Step step = out.text(*block, rest.substr(0, word)); !step)
        co_return std::unexpected(std::move(step).error());
      rest.remove_prefix(word);
      co_await yield();
    }
    co_return out.finish(StopReason::kEnd);
  }

  [[nodiscard]] std::string describe() const override {
    return "demo (built in, no language model)";
  }
  [[nodiscard]] std::string model() const override { return "demo"; }
  [[nodiscard]] bool takes_images() const override { return false; }
  [[nodiscard]] int context_window_tokens() const override { return 100'000; }

 private:
  static std::expected<Response, Failure> call(Answer& out, const Reply& reply) {
    auto block = out.open_call(mint_call_id(), reply.tool);
    if (!block) return std::unexpected(std::move(block).error());
    if (Step step = out.arguments(*block, reply.arguments); !step)
      return std::unexpected(std::move(step).error());
    return out.finish(StopReason::kToolUse);
  }
};

}  // namespace

std::unique_ptr<Driver> open_demo() { return std::make_unique<DemoDriver>(); }

}  // namespace skep::llm
