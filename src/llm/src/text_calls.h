// Tool calls that a model writes as text, for models that know no better: models trained on many
// conventions at once, behind servers that pass the words on as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skep/llm/driver.h"

namespace skep::llm {

inline constexpr std::size_t kTextCallsMax = 16;            // of one answer; more are text
inline constexpr std::size_t kTextCallScanMax = 64u << 10;  // a longer answer is text
inline constexpr int kTextCallTriesMax = 500;               // beginnings that are looked into

struct TextCalls {
  std::vector<ToolCall> calls;  // in the order they were written, the same one once
  std::string rest;             // the text around them
};

// Finds calls of `tools` in `text`, in any of the usual notations; a name that is not among the
// tools is text, and so is a bare JSON object as long as anything clearer was found. Pure.
TextCalls find_text_calls(std::string_view text, const ToolSpecs& tools);

// Turns such calls in the answer into real ones and says whether there were any. An answer that
// calls a tool properly, or was cut, is left alone. What is written word for word in a tool result
// or a person's message of the request is a quotation and no call: otherwise a web page could give
// orders by being quoted.
bool recover_text_calls(const Request& request, Response& response);

}  // namespace skep::llm
