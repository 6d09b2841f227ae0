#include "persona_wizard.h"

#include <unistd.h>

#include <array>

#include "agent_impl.h"
#include "persona_use.h"
#include "principal.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/delegation.h"
#include "skep/model/errand.h"
#include "skep/store/append_file.h"

namespace skep::agent {
namespace {

using memory::Persona;

constexpr std::string_view kFile = "persona_wizard.json";
constexpr std::string_view kMeta = "wizard";
constexpr std::chrono::minutes kOpenFor{15};
constexpr std::size_t kFileBytesMax = 256u << 10;
constexpr std::size_t kShownBytes = 300;
constexpr std::size_t kDescriptionBytes = 120;
constexpr std::size_t kQuestions = 3;

constexpr std::array<std::string_view, kQuestions> kAsked = {
    "Who am I then? One or two sentences (\"You are a patient chess teacher\").",
    "How do I talk? (\"Warmly, in short sentences, one question at a time\")",
    "Which rules do I keep to? (\"Never give the solution away at once\")"};

struct Wizard {
  WizardKind kind = WizardKind::kCreate;
  std::string id, by;
  std::vector<std::string> answers;
  WallTime at{};
  bool done = false;
  // The message that was answered last and what it was answered with: after a crash it may come
  // again.
  std::string last, said;
};

std::string path_of(const AgentDeps& deps, const Conversation& conversation) {
  return fmt::format("{}/{}", deps.memory.directory(conversation), kFile);
}

void erase(const AgentDeps& deps, const Conversation& conversation) {
  (void)::unlink(path_of(deps, conversation).c_str());
}

std::optional<Wizard> read(const AgentDeps& deps, const Conversation& conversation) {
  const std::string path = path_of(deps, conversation);
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  const auto text = store::read_file(path, kFileBytesMax);
  const auto value = text ? parse_json(*text) : Result<json::value>(fail(text.error()));
  const auto at = value ? parse_rfc3339(get_string(*value, "at")) : std::nullopt;
  const auto kind = value ? get_int(*value, "kind") : std::nullopt;
  const bool open = at && deps.clock.now() - *at <= kOpenFor;
  if (!open || !kind || *kind < 0 || *kind > 3) {
    erase(deps, conversation);
    return std::nullopt;
  }
  Wizard wizard{.kind = static_cast<WizardKind>(*kind),
                .id = std::string(get_string(*value, "id")),
                .by = std::string(get_string(*value, "by")),
                .at = *at,
                .done = get_bool(*value, "done").value_or(false),
                .last = std::string(get_string(*value, "last")),
                .said = std::string(get_string(*value, "said"))};
  if (const json::array* answers = get_array(*value, "answers")) {
    for (const json::value& one : *answers) {
      if (one.is_string()) wizard.answers.emplace_back(one.get_string());
    }
  }
  return wizard;
}

// Gives `said`, or what is said when nothing could be kept.
std::string write(const CommandScope& scope, Wizard& wizard, std::string said) {
  wizard.at = scope.deps.clock.now();
  wizard.last = scope.message.id.str();
  wizard.said = said;
  const json::object out{{"kind", static_cast<int>(wizard.kind)},
                         {"id", wizard.id},
                         {"by", wizard.by},
                         {"answers", json::array(wizard.answers.begin(), wizard.answers.end())},
                         {"at", format_rfc3339(wizard.at, true)},
                         {"done", wizard.done},
                         {"last", wizard.last},
                         {"said", wizard.said}};
  auto made = store::make_directories(scope.deps.memory.directory(scope.conversation));
  auto kept = made ? store::write_file(path_of(scope.deps, scope.conversation), to_json(out))
                   : std::move(made);
  if (kept) return said;
  log::warn("agent", "a persona wizard could not be kept: {}", kept.error().to_string());
  return "Sorry, that could not be kept: my memory cannot be written.";
}

std::string finished(const CommandScope& scope, Wizard& wizard, std::string said) {
  wizard.done = true;
  return write(scope, wizard, std::move(said));
}

const std::string& text_at(const Persona& persona, std::size_t at) {
  if (at == 0) return persona.identity;
  return at == 1 ? persona.personality : persona.instructions;
}

Result<Persona> persona_of(const CommandScope& scope, const Wizard& wizard) {
  return scope.deps.personas->find(place_of(scope.deps, scope.conversation), wizard.id);
}

std::string question(const CommandScope& scope, const Wizard& wizard) {
  const std::size_t at = wizard.answers.size();
  std::string text =
      fmt::format("Persona {}, {} of {}: {}", wizard.id, at + 1, kQuestions, kAsked[at]);
  if (wizard.kind == WizardKind::kCreate)
    return text + " \"skip\" leaves it open, /cancel ends this.";
  const auto now = persona_of(scope, wizard);
  if (now && !text_at(*now, at).empty())
    text += fmt::format("\nNow: {}", cut_utf8(text_at(*now, at), kShownBytes));
  return text + "\n\"keep\" leaves it as it is, \"skip\" empties it, /cancel ends this.";
}

std::string first_line(std::string_view text) {
  return std::string(cut_utf8(trim(text.substr(0, text.find('\n'))), kDescriptionBytes));
}

std::string kept_reply(const CommandScope& scope, const Persona& persona, std::string_view verb) {
  if (auto wrong = memory::what_is_wrong_with(persona))
    return fmt::format("I do not take that: {}.", *wrong);
  auto kept = scope.deps.personas->keep(place_of(scope.deps, scope.conversation), persona);
  if (!kept) return fmt::format("Not kept: {}.", kept.error().message);
  return fmt::format("{} {}. /persona {} puts it on.", verb, persona.id, persona.id);
}

std::string make(const CommandScope& scope, Wizard& wizard) {
  Persona persona{.id = wizard.id, .name = wizard.id};
  const bool edit = wizard.kind == WizardKind::kEdit;
  if (edit) {
    auto now = persona_of(scope, wizard);
    if (!now) return finished(scope, wizard, fmt::format("Not kept: {}.", now.error().message));
    persona = *std::move(now);
  }
  const std::array<std::string*, kQuestions> into = {&persona.identity, &persona.personality,
                                                     &persona.instructions};
  for (std::size_t i = 0; i < kQuestions; ++i) {
    const std::string& answer = wizard.answers[i];
    if (edit && equals_ignoring_ascii_case(answer, "keep")) continue;
    *into[i] = equals_ignoring_ascii_case(answer, "skip") ? std::string() : answer;
  }
  if (!edit || persona.description.empty()) persona.description = first_line(persona.identity);
  std::string said = kept_reply(scope, persona, edit ? "Changed" : "Created");
  return finished(scope, wizard, std::move(said));
}

std::string remove(const CommandScope& scope, Wizard& wizard, std::string_view words) {
  if (!equals_ignoring_ascii_case(words, "yes") && !equals_ignoring_ascii_case(words, "ja"))
    return finished(scope, wizard, fmt::format("{} stays.", wizard.id));
  auto erased = scope.deps.personas->erase(place_of(scope.deps, scope.conversation), wizard.id);
  return finished(scope, wizard,
                  erased ? fmt::format("{} is erased.", wizard.id)
                         : fmt::format("Not erased: {}.", erased.error().message));
}

// What was pasted, or the one file that was sent.
std::string imported(const CommandScope& scope, Wizard& wizard, std::string_view words) {
  if (scope.files.empty()) return finished(scope, wizard, import_persona(scope, words));
  const AttachedFile& file = scope.files.front();
  if (!file.text.empty() && file.note.empty())
    return finished(scope, wizard, import_persona(scope, file.text));
  const std::string_view why = file.note.empty() ? "it holds no text" : std::string_view(file.note);
  return finished(scope, wizard, fmt::format("I could not read {}: {}.", file.file.filename, why));
}

// ```toml … ``` around it is taken away.
std::string_view without_fence(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("```")) return text;
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return text;
  text.remove_prefix(line + 1);
  if (const auto end = text.rfind("```"); end != std::string_view::npos) text = text.substr(0, end);
  return text;
}

}  // namespace

std::string import_persona(const CommandScope& scope, std::string_view toml) {
  auto persona = Persona::parse(without_fence(toml), "persona.toml");
  if (!persona) return fmt::format("I do not take that: {}.", persona.error().message);
  persona->origin = Persona::Origin::kOwn;
  persona->allowed_jids.clear();  // whom it is for is for its new owner to say
  persona->max_tokens_per_message = 0;
  if (persona->id.empty()) return "I do not take that: [persona] id is missing.";
  return kept_reply(scope, *persona, "Imported");
}

std::string begin_wizard(const CommandScope& scope, WizardKind kind, const std::string& id) {
  Wizard wizard{
      .kind = kind, .id = id, .by = principal_of(scope.deps, scope.config, scope.message).id};
  std::string first;
  switch (kind) {
    case WizardKind::kCreate:
    case WizardKind::kEdit:
      first = question(scope, wizard);
      break;
    case WizardKind::kDelete:
      first = fmt::format("Erase the persona {}? It cannot be brought back. yes or no.", id);
      break;
    case WizardKind::kImport:
      first = fmt::format(
          "Send me the persona now: a TOML file of at most {} KB, or its text. /cancel ends this.",
          Persona::file_bytes_max / 1024);
      break;
  }
  return write(scope, wizard, std::move(first));
}

std::string wizard_answer(const CommandScope& scope, std::string_view words) {
  auto wizard = read(scope.deps, scope.conversation);
  if (wizard && wizard->last == scope.message.id.str()) return wizard->said;
  if (!wizard || wizard->done) return "There is no question open any more. Please say it again.";
  words = trim(words);
  if (wizard->kind == WizardKind::kDelete) return remove(scope, *wizard, words);
  if (wizard->kind == WizardKind::kImport) return imported(scope, *wizard, words);
  if (words.empty() || words.size() > Persona::text_bytes_max)
    return fmt::format("I need 1 to {} bytes of words, or \"skip\". {}", Persona::text_bytes_max,
                       question(scope, *wizard));
  wizard->answers.emplace_back(words);
  if (wizard->answers.size() >= kQuestions) return make(scope, *wizard);
  return write(scope, *wizard, question(scope, *wizard));
}

bool end_wizard(const CommandScope& scope) {
  if (scope.deps.personas == nullptr) return false;
  const auto wizard = read(scope.deps, scope.conversation);
  const bool open = wizard && !wizard->done &&
                    wizard->by == principal_of(scope.deps, scope.config, scope.message).id;
  if (open) erase(scope.deps, scope.conversation);
  return open;
}

void take_for_wizard(const AgentDeps& deps, const AgentConfig& config, Message& message) {
  if (deps.personas == nullptr || parsed_message(message).is_command) return;
  if (delegation_of(message) || errand_of(message)) return;  // no person speaks
  const auto wizard = read(deps, message.conversation);
  if (!wizard || wizard->done || wizard->by != principal_of(deps, config, message).id) return;
  message.meta[kMeta] = true;
}

bool is_for_wizard(const Message& message) { return message.meta.contains(kMeta); }

}  // namespace skep::agent
