#include "text_call_bodies.h"

#include <algorithm>
#include <array>
#include <utility>

#include "skep/base/text.h"

namespace skep::llm {
namespace {

using std::string_view;

constexpr std::size_t kNone = string_view::npos;
constexpr std::size_t kNameMax = 128;

bool is_name(string_view name) {
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::optional<NamedCall> call_of(string_view name, string_view arguments) {
  name = trim(name);
  if (!is_name(name)) return std::nullopt;
  auto object = trim(arguments).empty() ? json::object() : arguments_in(arguments);
  if (!object) return std::nullopt;
  return NamedCall{.name = std::string(name), .arguments = std::move(*object)};
}

std::string without_entities(string_view text) {
  std::string out(text);
  constexpr std::array<std::pair<string_view, string_view>, 6> kEntities = {{{"&quot;", "\""},
                                                                             {"&#34;", "\""},
                                                                             {"&#39;", "'"},
                                                                             {"&lt;", "<"},
                                                                             {"&gt;", ">"},
                                                                             {"&amp;", "&"}}};
  for (const auto& [entity, meant] : kEntities) out = replace_all(std::move(out), entity, meant);
  return out;
}

// A value as it was written: JSON where it is some, else the words themselves.
json::value loose_value(string_view text) {
  text = trim(text);
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : json::value(json::string(text));
}

// <parameter=key>value</parameter>, any number.
std::optional<json::object> parameters_in(string_view text) {
  constexpr string_view kOpen = "<parameter=", kClose = "</parameter>";
  json::object out;
  while (!(text = trim(text)).empty()) {
    const std::size_t named = text.find('>');
    const std::size_t end = text.find(kClose);
    if (!text.starts_with(kOpen) || named == kNone || end == kNone || named > end)
      return std::nullopt;
    const string_view key = trim(text.substr(kOpen.size(), named - kOpen.size()));
    out[key] = loose_value(without_entities(text.substr(named + 1, end - named - 1)));
    text.remove_prefix(end + kClose.size());
  }
  return out;
}

// The quoted text at the start of `rest`, which is moved behind it.
std::optional<string_view> take_quoted(string_view& rest) {
  rest = trim(rest);
  if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return std::nullopt;
  const std::size_t end = rest.find(rest.front(), 1);
  if (end == kNone) return std::nullopt;
  const string_view text = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  return text;
}

// --key "value" --key 5
std::optional<json::object> options_in(string_view text) {
  json::object out;
  while (!(text = trim(text)).empty()) {
    if (!text.starts_with("--")) return std::nullopt;
    const std::size_t named = text.find_first_of(" \t\r\n=");
    if (named == kNone || named == 2) return std::nullopt;
    const string_view key = text.substr(2, named - 2);
    text.remove_prefix(named + 1);
    if (auto quoted = take_quoted(text)) {
      out[key] = json::string(*quoted);
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    if (end == 0) return std::nullopt;
    out[key] = loose_value(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

// What stands behind `key` and an arrow.
std::optional<string_view> behind_arrow(string_view text, string_view key) {
  const std::size_t at = text.find(key);
  if (at == kNone) return std::nullopt;
  string_view rest = trim(text.substr(at + key.size()));
  if (!rest.starts_with("=>")) return std::nullopt;
  return trim(rest.substr(2));
}

std::optional<NamedCall> arrow_body(string_view body) {
  auto tool = behind_arrow(body, "tool");
  if (!tool) return std::nullopt;
  auto name = take_quoted(*tool);
  if (!name || !is_name(*name)) return std::nullopt;
  NamedCall call{.name = std::string(*name)};
  auto args = behind_arrow(*tool, "args");
  if (!args) return call;
  const std::size_t end = object_end(*args, 0);
  if (end == kNone) return std::nullopt;
  const string_view inside = args->substr(1, end - 2);
  auto options = options_in(inside);
  if (!options) options = arguments_in(args->substr(0, end));
  if (!options) return std::nullopt;
  call.arguments = std::move(*options);
  return call;
}

const json::value* first_member(const json::object& object,
                                std::initializer_list<string_view> keys) {
  for (const string_view key : keys) {
    if (const json::value* member = object.if_contains(key)) return member;
  }
  return nullptr;
}

}  // namespace

std::size_t object_end(string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '{') return kNone;
  int depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return at + 1;
    }
  }
  return kNone;
}

std::optional<json::object> arguments_in(string_view text) {
  auto parsed = parse_json(trim(text));
  if (parsed && parsed->is_string()) parsed = parse_json(string_view(parsed->get_string()));
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return std::move(parsed->get_object());
}

std::optional<NamedCall> named_body(string_view body) {
  const std::size_t brace = body.find('{');
  if (brace == kNone) return std::nullopt;
  return call_of(body.substr(0, brace), body.substr(brace));
}

std::optional<NamedCall> fenced_body(string_view body) {
  const std::size_t line = body.find('\n');
  if (line != kNone) {
    const string_view below = body.substr(line + 1);
    if (auto call = named_body(below)) return call;
    if (auto call = object_body(below)) return call;
  }
  return named_body(body);
}

std::optional<NamedCall> object_body(string_view body) {
  auto object = arguments_in(body);
  if (!object) return std::nullopt;
  const json::value* name = first_member(*object, {"name", "function", "tool"});
  const json::value* given = first_member(*object, {"arguments", "parameters", "args", "input"});
  if (name == nullptr || !name->is_string() || given == nullptr) return std::nullopt;
  return call_of(string_view(name->get_string()), to_json(*given));
}

std::optional<NamedCall> function_body(string_view body) {
  const std::size_t named = body.find('>');
  if (named == kNone) return std::nullopt;
  const string_view name = trim(body.substr(0, named)), inside = body.substr(named + 1);
  if (auto call = call_of(name, inside)) return call;
  auto parameters = parameters_in(inside);
  if (!parameters || !is_name(name)) return std::nullopt;
  return NamedCall{.name = std::string(name), .arguments = std::move(*parameters)};
}

std::optional<NamedCall> attribute_body(string_view body) {
  auto name = take_quoted(body);
  if (!name) return std::nullopt;
  constexpr string_view kParameters = "parameters=";
  body = trim(body);
  if (body.empty()) return call_of(*name, {});
  if (!body.starts_with(kParameters)) return std::nullopt;
  body.remove_prefix(kParameters.size());
  auto given = take_quoted(body);
  if (!given) return std::nullopt;
  return call_of(*name, without_entities(*given));
}

std::optional<NamedCall> object_or_function_body(string_view body) {
  if (auto call = object_body(body)) return call;
  constexpr string_view kOpen = "<function=";
  body = trim(body);
  if (!body.starts_with(kOpen)) return std::nullopt;
  body.remove_prefix(kOpen.size());
  return function_body(body.substr(0, body.find("</function>")));
}

std::optional<NamedCall> object_or_arrow_body(string_view body) {
  if (auto call = object_body(body)) return call;
  return arrow_body(body);
}

}  // namespace skep::llm
