#include "text_calls.h"

#include <algorithm>
#include <array>
#include <optional>

#include "answer.h"
#include "skep/base/text.h"
#include "text_call_bodies.h"

namespace skep::llm {
namespace {

using std::string_view;

constexpr std::size_t kNone = string_view::npos;

// One call and where it stands in the text.
struct Found {
  std::size_t begin = 0, end = 0;
  NamedCall call;
};

using ReadBody = std::optional<NamedCall> (*)(string_view body);

struct Notation {
  string_view open, close;
  ReadBody read;
};
constexpr std::array kNotations = {
    Notation{"<function=", "</function>", function_body},
    Notation{"<function name=", "/>", attribute_body},
    Notation{"<function>", "</function>", named_body},
    Notation{"<tool>", "</tool>", named_body},
    Notation{"<tool_call>", "</tool_call>", object_or_function_body},
    Notation{"<tool_use>", "</tool_use>", object_body},
    Notation{"[TOOL_CALL]", "[/TOOL_CALL]", object_or_arrow_body},
    Notation{"<|plugin|>", "<|endofblock|>", object_body},
    Notation{"```", "```", fenced_body},
    Notation{"`", "`", named_body},
};

bool offered(const ToolSpecs& tools, string_view name) {
  return std::ranges::any_of(tools, [&](const ToolSpec& tool) { return tool.name == name; });
}

std::optional<Found> between_marks(string_view text, std::size_t at, const ToolSpecs& tools,
                                   int& tries) {
  for (const Notation& notation : kNotations) {
    if (!text.substr(at).starts_with(notation.open)) continue;
    --tries;
    const std::size_t from = at + notation.open.size();
    const std::size_t to = text.find(notation.close, from);
    if (to == kNone) continue;
    auto call = notation.read(text.substr(from, to - from));
    if (call && offered(tools, call->name))
      return Found{.begin = at, .end = to + notation.close.size(), .call = std::move(*call)};
  }
  return std::nullopt;
}

std::size_t line_end(string_view text, std::size_t at) {
  return std::min(text.find('\n', at), text.size());
}

// "Action: name" and "Action Input: {…}" below it; or the name alone on a line and {…} below it.
std::optional<Found> on_lines(string_view text, std::size_t at, const ToolSpecs& tools) {
  constexpr string_view kAction = "Action:", kInput = "Action Input:";
  const std::size_t end = line_end(text, at);
  string_view name = trim(text.substr(at, end - at));
  const bool action = name.starts_with(kAction);
  if (action) name = trim(name.substr(kAction.size()));
  if (end == text.size() || !offered(tools, name)) return std::nullopt;
  std::size_t from = text.find_first_not_of(" \t\r\n", end);
  if (from == kNone) return std::nullopt;
  if (action) {
    if (!text.substr(from).starts_with(kInput)) return std::nullopt;
    from = std::min(text.find_first_not_of(" \t\r\n", from + kInput.size()), text.size());
  }
  const std::size_t to = object_end(text, from);
  auto arguments = to == kNone ? std::nullopt : arguments_in(text.substr(from, to - from));
  if (!arguments) return std::nullopt;
  return Found{.begin = at,
               .end = to,
               .call = {.name = std::string(name), .arguments = std::move(*arguments)}};
}

// The last resort: an object that names a tool and its arguments.
std::optional<Found> bare_object(string_view text, std::size_t at, const ToolSpecs& tools,
                                 int& tries) {
  --tries;
  const std::size_t to = object_end(text, at);
  if (to == kNone) return std::nullopt;
  auto call = object_body(text.substr(at, to - at));
  if (!call || !offered(tools, call->name)) return std::nullopt;
  return Found{.begin = at, .end = to, .call = std::move(*call)};
}

struct Search {
  const ToolSpecs& tools;
  bool bare = false;  // for bare JSON, or for anything else
  int tries = kTextCallTriesMax;
};

std::optional<Found> found_at(string_view text, std::size_t at, Search& search) {
  const ToolSpecs& tools = search.tools;
  if (search.bare)
    return text[at] == '{' ? bare_object(text, at, tools, search.tries) : std::nullopt;
  if (auto found = between_marks(text, at, tools, search.tries)) return found;
  const bool starts_line = at == 0 || text[at - 1] == '\n';
  return starts_line ? on_lines(text, at, tools) : std::nullopt;
}

std::vector<Found> all_found(string_view text, Search search) {
  std::vector<Found> all;
  for (std::size_t at = 0; at < text.size() && all.size() < kTextCallsMax && search.tries > 0;) {
    auto found = found_at(text, at, search);
    at = found ? found->end : at + 1;
    if (found) all.push_back(std::move(*found));
  }
  return all;
}

bool same(const ToolCall& call, const NamedCall& other) {
  return call.name == other.name && call.arguments == json::value(other.arguments);
}

bool is_quoted(const Request& request, string_view written) {
  const string_view wanted = trim(written);
  const auto quotes = [&](const Part& part) {
    if (const auto* text = std::get_if<TextPart>(&part)) return text->text.contains(wanted);
    const auto* result = std::get_if<ToolResult>(&part);
    return result != nullptr && result->text.contains(wanted);
  };
  return std::ranges::any_of(request.messages, [&](const ChatMessage& message) {
    return message.role == Role::kUser && std::ranges::any_of(message.parts, quotes);
  });
}

TextCalls sorted_out(string_view text, std::vector<Found> found) {
  TextCalls out;
  std::size_t at = 0;
  for (Found& one : found) {
    out.rest += text.substr(at, one.begin - at);
    at = one.end;
    const bool again =
        std::ranges::any_of(out.calls, [&](const ToolCall& call) { return same(call, one.call); });
    if (again) continue;
    out.calls.push_back({.id = mint_call_id(),
                         .name = std::move(one.call.name),
                         .arguments = std::move(one.call.arguments)});
  }
  out.rest += text.substr(at);
  out.rest = std::string(trim(out.rest));
  return out;
}

std::vector<Found> found_in(string_view text, const ToolSpecs& tools) {
  if (text.size() > kTextCallScanMax) return {};
  std::vector<Found> found = all_found(text, {.tools = tools});
  return found.empty() ? all_found(text, {.tools = tools, .bare = true}) : found;
}

}  // namespace

TextCalls find_text_calls(string_view text, const ToolSpecs& tools) {
  return sorted_out(text, found_in(text, tools));
}

bool recover_text_calls(const Request& request, Response& response) {
  const bool whole = response.stop == StopReason::kEnd || response.stop == StopReason::kUnknown;
  const bool called = std::ranges::any_of(
      response.parts, [](const Part& part) { return std::holds_alternative<ToolCall>(part); });
  if (!whole || called || !request.tools_allowed || request.tools.empty()) return false;
  const std::string text = text_of(response.parts);
  std::vector<Found> found = found_in(text, request.tools);
  std::erase_if(found, [&](const Found& one) {
    return is_quoted(request, string_view(text).substr(one.begin, one.end - one.begin));
  });
  if (found.empty()) return false;
  TextCalls calls = sorted_out(text, std::move(found));
  std::erase_if(response.parts,
                [](const Part& part) { return std::holds_alternative<TextPart>(part); });
  if (!calls.rest.empty()) response.parts.emplace_back(TextPart{std::move(calls.rest)});
  for (ToolCall& call : calls.calls) response.parts.emplace_back(std::move(call));
  response.stop = StopReason::kToolUse;
  return true;
}

}  // namespace skep::llm
