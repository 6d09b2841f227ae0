// What stands between the marks of a tool call that was written as text. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "skep/base/json.h"

namespace skep::llm {

struct NamedCall {
  std::string name;
  json::object arguments;
};

// Behind the JSON object that begins at `at`, strings in it respected; npos when none does.
std::size_t object_end(std::string_view text, std::size_t at);
// An object, or a string that holds one.
std::optional<json::object> arguments_in(std::string_view text);

std::optional<NamedCall> named_body(std::string_view body);      // NAME {…}
std::optional<NamedCall> fenced_body(std::string_view body);     // the same, a language before it
std::optional<NamedCall> object_body(std::string_view body);     // {"name": …, "arguments": …}
std::optional<NamedCall> function_body(std::string_view body);   // NAME>{…} or NAME><parameter=k>v…
std::optional<NamedCall> attribute_body(std::string_view body);  // "NAME" parameters="…"
std::optional<NamedCall> object_or_function_body(std::string_view body);
// {tool => "NAME", args => {--key "value"}}
std::optional<NamedCall> object_or_arrow_body(std::string_view body);

}  // namespace skep::llm
