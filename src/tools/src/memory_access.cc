#include "memory_access.h"

#include <fmt/format.h>

#include "skep/base/text.h"

namespace skep::tools {

using authority::Label;
using authority::Labels;

ScopedKey scoped_key(std::string_view text) {
  text = trim(text);
  if (text.starts_with(kSharedPrefix))
    return {true, std::string(text.substr(kSharedPrefix.size()))};
  if (text.starts_with(kSelfPrefix)) text.remove_prefix(kSelfPrefix.size());
  return {false, std::string(text)};
}

std::string taint_of(Labels labels) {
  Labels kept;
  for (const Label label : {Label::kExternalNetwork, Label::kUntrustedAgent}) {
    if (labels.has(label)) kept |= label;
  }
  return authority::describe(kept);
}

// What cannot be read is the worst that it may be.
Labels labels_of(std::string_view taint) {
  Labels labels;
  if (taint.empty()) return labels;
  if (taint.contains("untrusted_agent")) labels |= Label::kUntrustedAgent;
  if (taint.contains("external_network") || labels == Labels{}) labels |= Label::kExternalNetwork;
  return labels;
}

Labels labels_for(const ToolContext& context, std::string_view taint, std::string_view person) {
  Labels labels = labels_of(taint);
  if (person != context.conversation.peer) labels |= Label::kExternalNetwork;
  return labels;
}

ToolOutput refusal(std::string_view what, const Error& error) {
  return {fmt::format("{}: {}.", what, error.message), true};
}

}  // namespace skep::tools
