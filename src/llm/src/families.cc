#include "families.h"

#include <array>

namespace skep::llm {
namespace {

constexpr std::array kFamilies = {
    Family{"claude", 200'000, true},
    Family{"gpt-3.5", 16'385},
    Family{"gpt-4", 8'192},
    Family{"gpt-4-turbo", 128'000, true},
    Family{"gpt-4o", 128'000, true},
    Family{"gpt-4.1", 1'047'576, true},
    Family{"chatgpt-4o", 128'000, true},
    Family{"gpt-5", 400'000, true, true, true},
    Family{"o1", 200'000, true, true, true},
    Family{"o1-mini", 128'000, false, true, true},
    Family{"o3", 200'000, true, true, true},
    Family{"o3-mini", 200'000, false, true, true},
    Family{"o4", 200'000, true, true, true},
    Family{"gemini", 1'048'576, true},
    Family{"deepseek", 64'000},
    Family{"deepseek-r1", 64'000, false, false, true},
    Family{"deepseek-reasoner", 64'000, false, false, true},
    Family{"mistral", 32'768},
};
constexpr Family kUnknown{"", 32'768};

}  // namespace

const Family& family_of(std::string_view model) {
  if (std::size_t slash = model.rfind('/'); slash != std::string_view::npos)
    model.remove_prefix(slash + 1);
  const Family* best = &kUnknown;
  for (const Family& family : kFamilies) {
    if (model.starts_with(family.prefix) && family.prefix.size() > best->prefix.size())
      best = &family;
  }
  return *best;
}

Family family_of(const LlmConfig& config) {
  Family family = family_of(wire_model(config));
  if (config.info) {
    family.window_tokens = config.info->context_tokens;
    family.images = config.info->vision;
  }
  if (config.context_window > 0) family.window_tokens = config.context_window;
  return family;
}

std::string wire_model(const LlmConfig& config) {
  return config.info ? config.info->wire_id : config.model;
}

}  // namespace skep::llm
