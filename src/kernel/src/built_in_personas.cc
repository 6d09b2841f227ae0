#include "built_in_personas.h"

#include "skep/base/text.h"

// Of built_in_personas_data.S.
#define SKEP_PERSONA(name) extern "C" const char skep_persona_##name[], skep_persona_##name##_end[];
SKEP_PERSONA(coach)
SKEP_PERSONA(concise)
SKEP_PERSONA(editor)
SKEP_PERSONA(engineer)
SKEP_PERSONA(storyteller)
SKEP_PERSONA(teacher)
#undef SKEP_PERSONA

namespace skep::kernel {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::vector<std::string_view> built_in_personas() {
#define SKEP_PERSONA(name) between(skep_persona_##name, skep_persona_##name##_end)
  return {SKEP_PERSONA(coach),    SKEP_PERSONA(concise),     SKEP_PERSONA(editor),
          SKEP_PERSONA(engineer), SKEP_PERSONA(storyteller), SKEP_PERSONA(teacher)};
#undef SKEP_PERSONA
}

agent::PersonaText persona_texts(const memory::Personas& personas) {
  return [&personas](const std::string& id) -> std::optional<std::string> {
    const auto persona = personas.of_house(id);
    if (!persona) return std::nullopt;
    std::vector<std::string> texts;
    for (const std::string* text :
         {&persona->identity, &persona->personality, &persona->instructions, &persona->context}) {
      if (!text->empty()) texts.push_back(*text);
    }
    return join(texts, "\n\n");
  };
}

}  // namespace skep::kernel
