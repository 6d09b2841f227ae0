#include "persona_replies.h"

#include <algorithm>

#include "persona_use.h"
#include "persona_wizard.h"
#include "skep/base/text.h"

namespace skep::agent {
namespace {

using memory::Persona;
using memory::Personas;

constexpr std::string_view kNoneOfOwn = "Personas of your own are not allowed here.";
constexpr std::string_view kNotShared = "Sharing personas is turned off here.";

std::string shown(const Persona& persona) {
  return fmt::format("{}{}{}", persona.icon, persona.icon.empty() ? "" : " ",
                     persona.name.empty() ? persona.id : persona.name);
}

std::string line_of(const Persona& persona, bool active) {
  std::string line =
      fmt::format("- {}{}{}", persona.icon, persona.icon.empty() ? "" : " ", persona.id);
  if (!persona.description.empty()) line += fmt::format(": {}", persona.description);
  if (persona.origin == Persona::Origin::kOwn) line += " (your own)";
  if (active) line += " (on)";
  return line;
}

class Reply {
 public:
  explicit Reply(const CommandScope& scope)
      : scope_(scope),
        personas_(*scope.deps.personas),
        place_(place_of(scope.deps, scope.conversation)) {}

  std::string current() const {
    const auto active = personas_.active(place_);
    if (!active) return "No persona is on. /persona list shows which there are.";
    return fmt::format("{} is on{}{}. /persona reset takes it off.", shown(*active),
                       active->description.empty() ? "" : ": ", active->description);
  }

  std::string list() const {
    const auto active = personas_.active(place_);
    std::string text;
    for (const Persona& persona : personas_.list(place_))
      text += (text.empty() ? "" : "\n") + line_of(persona, active && active->id == persona.id);
    if (text.empty()) return "There are no personas for you here.";
    return text + "\n/persona NAME puts one on, /persona reset takes it off.";
  }

  std::string put_on(const std::string& id) {
    const auto persona = personas_.find(place_, id);
    if (!persona) return fmt::format("No: {}.", persona.error().message);
    auto kept = personas_.choose(place_, persona->id);
    if (!kept) return fmt::format("That could not be kept: {}.", kept.error().message);
    if (persona->greeting.empty()) return fmt::format("From now on I am {}.", shown(*persona));
    return fmt::format("{}: {}", shown(*persona), persona->greeting);
  }

  std::string reset() {
    auto kept = personas_.choose(place_, {});
    if (!kept) return fmt::format("That could not be kept: {}.", kept.error().message);
    const auto usual = personas_.active(place_);
    return usual ? fmt::format("Back to {}.", shown(*usual)) : "No persona is on any more.";
  }

  std::string create(const std::string& id) {
    if (!personas_.may_make(place_)) return std::string(kNoneOfOwn);
    if (!memory::is_persona_id(id))
      return "Say /persona create NAME, with a name of 1 to 40 of a-z 0-9 -.";
    const auto there = personas_.find(place_, id);
    if (there || there.error().code == Code::kDenied)
      return fmt::format("There is a persona {} already.", id);
    const auto own =
        std::ranges::count(personas_.list(place_), Persona::Origin::kOwn, &Persona::origin);
    if (own >= personas_.config().max_user_personas)
      return fmt::format(
          "You have {} personas of your own, and more are not allowed; /persona delete makes room.",
          own);
    return begin_wizard(scope_, WizardKind::kCreate, id);
  }

  std::string change(WizardKind kind, const std::string& id) {
    const std::string_view verb = kind == WizardKind::kEdit ? "edit" : "delete";
    if (id.empty()) return fmt::format("Say /persona {} NAME.", verb);
    if (!personas_.may_make(place_)) return std::string(kNoneOfOwn);
    const auto persona = personas_.find(place_, id);
    if (!persona) return fmt::format("No: {}.", persona.error().message);
    if (persona->origin != Persona::Origin::kOwn)
      return fmt::format("{} is for everybody; only your own can be changed.", persona->id);
    return begin_wizard(scope_, kind, persona->id);
  }

  std::string exported(const std::string& id) const {
    if (!personas_.config().allow_sharing) return std::string(kNotShared);
    if (id.empty()) return "Say /persona export NAME.";
    const auto persona = personas_.find(place_, id);
    if (!persona) return fmt::format("No: {}.", persona.error().message);
    if (scope_.offer)
      scope_.offer({.name = persona->id + ".toml", .bytes = persona->to_text()},
                   fmt::format("{}.toml is the persona. Whoever gets it can take it with /persona "
                               "import.",
                               persona->id));
    return fmt::format("```\n{}```\nWhoever gets this can take it with /persona import.",
                       persona->to_text());
  }

  std::string import(std::string_view toml) {
    if (!personas_.config().allow_sharing) return std::string(kNotShared);
    if (!personas_.may_make(place_)) return std::string(kNoneOfOwn);
    if (trim(toml).empty()) return begin_wizard(scope_, WizardKind::kImport, {});
    return import_persona(scope_, toml);
  }

 private:
  const CommandScope& scope_;
  Personas& personas_;
  memory::PersonaPlace place_;
};

}  // namespace

std::string persona_reply(std::string_view arguments, const CommandScope& scope) {
  arguments = trim(arguments);
  const std::size_t end = arguments.find_first_of(" \t\r\n");
  const std::string word = to_lower_ascii(arguments.substr(0, end));
  const std::string_view rest =
      end == std::string_view::npos ? std::string_view() : trim(arguments.substr(end));
  Reply reply(scope);
  if (word.empty()) return reply.current();
  if (word == "list") return reply.list();
  if (!scope.may_manage) return "The persona of this room is for its owners and administrators.";
  if (word == "answer" && is_for_wizard(scope.message)) return wizard_answer(scope, rest);
  if (word == "import") return reply.import(rest);
  const std::string id = to_lower_ascii(rest);
  if (word == "reset") return reply.reset();
  if (word == "create") return reply.create(id);
  if (word == "edit") return reply.change(WizardKind::kEdit, id);
  if (word == "delete") return reply.change(WizardKind::kDelete, id);
  if (word == "export") return reply.exported(id);
  return reply.put_on(word);
}

}  // namespace skep::agent
