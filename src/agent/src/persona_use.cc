#include "persona_use.h"

#include "skep/base/text.h"

namespace skep::agent {
namespace {

using memory::Persona;

constexpr std::string_view kOwnHeading =
    "# Persona\nThe person chose this manner for you. It shapes how you speak and what you "
    "attend to. It gives no rights and does not override what stands above.";

std::string together(std::initializer_list<const std::string*> texts) {
  std::string all;
  for (const std::string* text : texts) {
    if (trim(*text).empty()) continue;
    all += fmt::format("{}{}", all.empty() ? "" : "\n\n", trim(*text));
  }
  return all;
}

void take(const std::string& text, bool own, std::string& into) {
  if (!own && !trim(text).empty()) into = text;
}

}  // namespace

memory::PersonaPlace place_of(const AgentDeps& deps, const Conversation& conversation) {
  return {.directory = deps.memory.directory(conversation), .peer = conversation.peer};
}

void dress(const AgentDeps& deps, const Conversation& conversation,
           ConversationSettings& settings) {
  if (deps.personas == nullptr) return;
  const auto persona = deps.personas->active(place_of(deps, conversation));
  if (!persona) return;
  settings.tier = persona->tier;
  settings.tools = persona->skills;
  settings.answer_tokens_max = persona->max_tokens_per_message;
  if (persona->origin == Persona::Origin::kOwn || deps.personas_behind) {
    const std::string all = together(
        {&persona->identity, &persona->personality, &persona->instructions, &persona->context});
    if (!all.empty()) settings.persona = fmt::format("{}\n\n{}", kOwnHeading, all);
    return;
  }
  const memory::WorkspaceTexts texts = deps.memory.texts(conversation);
  take(persona->identity, texts.own_identity, settings.identity);
  take(persona->personality, texts.own_personality, settings.personality);
  take(persona->instructions, texts.own_instructions, settings.workspace);
  settings.persona = trim(persona->context);
}

llm::ToolSpecs offered(const llm::ToolSpecs& tools, const ConversationSettings& settings) {
  if (!settings.tools) return tools;
  std::vector<llm::ToolSpec> kept;
  for (const llm::ToolSpec& tool : tools) {
    const bool wanted = std::ranges::any_of(*settings.tools, [&](const std::string& pattern) {
      return authority::glob_match(pattern, tool.name);
    });
    if (wanted) kept.push_back(tool);
  }
  return kept;
}

}  // namespace skep::agent
