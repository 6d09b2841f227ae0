// What is known about families of models, by the beginning of their names.
#pragma once

#include <string_view>

#include "skep/llm/model.h"

namespace skep::llm {

struct Family {
  std::string_view prefix;
  int window_tokens;
  bool images = false;
  bool max_completion_tokens = false;  // the older max_tokens is refused
  bool no_temperature = false;         // only the default is accepted
};

// The longest prefix that fits, after any "vendor/" in front; a cautious default when none does.
const Family& family_of(std::string_view model);
// The same, with what the catalogue and the configuration know better.
Family family_of(const LlmConfig& config);
// What the provider calls the model.
std::string wire_model(const LlmConfig& config);

// The tokens kept free for the system prompt and the tools when a history budget is fitted into a
// window.
inline constexpr int kPromptRoomTokens = 8192;

}  // namespace skep::llm
