#include "skep/memory/personas.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "workspace.h"

namespace skep::memory {
namespace {

namespace fs = std::filesystem;
using Origin = Persona::Origin;

constexpr std::string_view kActiveFile = "active_persona.txt";
constexpr std::string_view kManifest = "persona.toml";

std::vector<std::string> ids_in(const std::string& directory) {
  std::vector<std::string> ids;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string id = entry->path().filename().string();
    if (is_persona_id(id)) ids.push_back(std::move(id));
    if (ids.size() >= Personas::listed_max) break;
  }
  std::ranges::sort(ids);
  return ids;
}

void take_text(const std::string& path, std::string& into) {
  std::string text = read_text(path);
  if (text.size() > Persona::text_bytes_max) {
    log::warn("memory", "{} is not used: it is over {} bytes", path, Persona::text_bytes_max);
    return;
  }
  if (!text.empty()) into = std::move(text);
}

// nullopt: there is none, or it is broken.
std::optional<Persona> read_folder(const std::string& folder, std::string_view id, Origin origin) {
  Persona persona;
  const std::string manifest = fmt::format("{}/{}", folder, kManifest);
  const auto text = store::read_file(manifest, Persona::file_bytes_max);
  if (!text && (text.error().code != Code::kNotFound || origin == Origin::kOwn)) {
    if (text.error().code != Code::kNotFound)
      log::warn("memory", "{} is not used: {}", manifest, text.error().message);
    return std::nullopt;
  }
  if (text) {
    auto parsed = Persona::parse(*text, manifest);
    if (!parsed) {
      log::warn("memory", "the persona {} is not used: {}", id, parsed.error().message);
      return std::nullopt;
    }
    persona = *std::move(parsed);
  }
  persona.id = id;
  persona.origin = origin;
  take_text(folder + "/identity.md", persona.identity);
  take_text(folder + "/personality.md", persona.personality);
  take_text(folder + "/instructions.md", persona.instructions);
  take_text(folder + "/context.md", persona.context);
  const bool says_nothing = persona.identity.empty() && persona.personality.empty() &&
                            persona.instructions.empty() && persona.context.empty();
  if (!text && says_nothing) return std::nullopt;
  return persona;
}

std::string folder_of(const std::string& directory, std::string_view id) {
  return fmt::format("{}/personas/{}", directory, id);
}

bool matches(std::string_view pattern, std::string_view peer) {
  if (pattern == "*") return true;
  if (pattern.starts_with('@'))
    return peer.size() > pattern.size() &&
           equals_ignoring_ascii_case(peer.substr(peer.size() - pattern.size()), pattern);
  return equals_ignoring_ascii_case(pattern, peer);
}

Result<void> write_text(const std::string& path, const std::string& text) {
  if (text.empty()) {
    std::error_code error;
    fs::remove(path, error);
    return {};
  }
  return store::write_file(path, text + "\n");
}

}  // namespace

PersonasConfig PersonasConfig::read(ConfigSection root) {
  PersonasConfig config;
  ConfigSection section = root.child("personas");
  section.read("default", config.usual);
  section.read("allow_user_personas", config.allow_user_personas);
  section.read("max_user_personas", config.max_user_personas, {.min = 0, .max = 100});
  section.read("allow_sharing", config.allow_sharing);
  for (ConfigSection one : section.list("restrictions")) {
    Restriction restriction;
    one.read("jid", restriction.jid);
    one.read("allowed", restriction.allowed);
    if (trim(restriction.jid).empty()) one.problem("jid", "must be an address, a @domain or *");
    config.restrictions.push_back(std::move(restriction));
  }
  return config;
}

Result<std::unique_ptr<Personas>> Personas::open(PersonasConfig config, std::string root,
                                                 const std::vector<std::string_view>& built_in) {
  std::unique_ptr<Personas> personas(new Personas(std::move(config), std::move(root)));
  for (const std::string_view text : built_in) {
    SKEP_TRY(Persona persona, Persona::parse(text, "a built-in persona"));
    persona.origin = Origin::kBuiltIn;
    personas->built_in_.push_back(std::move(persona));
  }
  SKEP_TRY_VOID(personas->check(personas->config_));
  return personas;
}

Result<void> Personas::check(const PersonasConfig& config) const {
  if (config.usual.empty() || of_house(config.usual)) return {};
  return fail(Code::kInvalid,
              fmt::format("[personas] default: there is no persona \"{}\"", config.usual));
}

std::optional<Persona> Personas::of_house(std::string_view id) const {
  if (!is_persona_id(id)) return std::nullopt;
  if (auto found = read_folder(folder_of(root_, id), id, Origin::kHouse)) return found;
  const auto built_in = std::ranges::find(built_in_, id, &Persona::id);
  return built_in == built_in_.end() ? std::nullopt : std::optional(*built_in);
}

const PersonasConfig::Restriction* Personas::restriction(std::string_view peer) const {
  const PersonasConfig::Restriction* widest = nullptr;
  for (const auto& one : config_.restrictions) {
    if (!matches(one.jid, peer)) continue;
    if (one.jid != "*" && !one.jid.starts_with('@')) return &one;
    const bool narrower = widest == nullptr || (widest->jid == "*" && one.jid != "*");
    if (narrower) widest = &one;
  }
  return widest;
}

bool Personas::allows(const PersonaPlace& place, const Persona& persona) const {
  const auto in = [](const std::vector<std::string>& list, std::string_view what) {
    return std::ranges::find(list, what) != list.end();
  };
  if (const auto* rule = restriction(place.peer);
      rule != nullptr && !in(rule->allowed, "*") && !in(rule->allowed, persona.id))
    return false;
  if (persona.origin == Origin::kOwn || persona.allowed_jids.empty()) return true;
  return std::ranges::any_of(persona.allowed_jids, [&](const std::string& pattern) {
    return matches(pattern, place.peer);
  });
}

std::vector<Persona> Personas::list(const PersonaPlace& place) const {
  std::map<std::string, Persona> all;
  for (const Persona& persona : built_in_) all[persona.id] = persona;
  for (const std::string& id : ids_in(root_ + "/personas")) {
    if (auto persona = read_folder(folder_of(root_, id), id, Origin::kHouse))
      all[id] = *std::move(persona);
  }
  for (const std::string& id : ids_in(place.directory + "/personas")) {
    if (all.contains(id)) continue;
    if (auto persona = read_folder(folder_of(place.directory, id), id, Origin::kOwn))
      all[id] = *std::move(persona);
  }
  std::vector<Persona> allowed;
  for (auto& [id, persona] : all) {
    if (allows(place, persona)) allowed.push_back(std::move(persona));
  }
  return allowed;
}

Result<Persona> Personas::find(const PersonaPlace& place, std::string_view id) const {
  auto found = of_house(id);
  if (!found && is_persona_id(id))
    found = read_folder(folder_of(place.directory, id), id, Origin::kOwn);
  if (!found) {
    std::vector<std::string> ids;
    for (const Persona& persona : list(place)) ids.push_back(persona.id);
    const auto near = nearest(id, ids);
    return fail(Code::kNotFound, fmt::format("there is no persona \"{}\"{}", cut_utf8(id, 64),
                                             near ? fmt::format("; did you mean {}?", *near) : ""));
  }
  if (!allows(place, *found))
    return fail(Code::kDenied, fmt::format("the persona {} is not for you", found->id));
  return *std::move(found);
}

std::optional<Persona> Personas::active(const PersonaPlace& place) const {
  const std::string id = read_text(fmt::format("{}/{}", place.directory, kActiveFile));
  if (!id.empty()) {
    auto found = find(place, id);
    if (found) return *std::move(found);
    log::warn("memory", "the persona in use with {} is passed over: {}", place.peer,
              found.error().message);
  }
  if (config_.usual.empty()) return std::nullopt;
  auto usual = find(place, config_.usual);
  return usual ? std::optional(*std::move(usual)) : std::nullopt;
}

Result<void> Personas::choose(const PersonaPlace& place, std::string_view id) {
  const std::string path = fmt::format("{}/{}", place.directory, kActiveFile);
  if (id.empty()) return write_text(path, {});
  SKEP_TRY(const Persona persona, find(place, id));
  SKEP_TRY_VOID(store::make_directories(place.directory));
  return write_text(path, persona.id);
}

bool Personas::may_make(const PersonaPlace& place) const {
  const auto* rule = restriction(place.peer);
  const bool all = rule == nullptr || std::ranges::find(rule->allowed, "*") != rule->allowed.end();
  return config_.allow_user_personas && all;
}

Result<void> Personas::keep(const PersonaPlace& place, const Persona& persona) {
  if (!may_make(place)) return fail(Code::kDenied, "personas of your own are not allowed here");
  if (!is_persona_id(persona.id))
    return fail(Code::kInvalid,
                "a persona's name is 1 to 40 of a-z 0-9 -, and no word of /persona");
  if (of_house(persona.id))
    return fail(Code::kExists, fmt::format("there is a persona {} for everybody", persona.id));
  for (const std::string* text :
       {&persona.identity, &persona.personality, &persona.instructions, &persona.context}) {
    if (text->size() > Persona::text_bytes_max)
      return fail(Code::kTooLarge,
                  fmt::format("a text of a persona may be {} bytes", Persona::text_bytes_max));
  }
  const std::vector<std::string> own = ids_in(place.directory + "/personas");
  const bool fresh = std::ranges::find(own, persona.id) == own.end();
  if (fresh && own.size() >= static_cast<std::size_t>(config_.max_user_personas))
    return fail(Code::kExhausted,
                fmt::format("you have {} personas of your own, and more are not allowed; /persona "
                            "delete makes room",
                            own.size()));
  const std::string folder = folder_of(place.directory, persona.id);
  SKEP_TRY_VOID(store::make_directories(folder));
  SKEP_TRY_VOID(write_text(folder + "/identity.md", persona.identity));
  SKEP_TRY_VOID(write_text(folder + "/personality.md", persona.personality));
  SKEP_TRY_VOID(write_text(folder + "/instructions.md", persona.instructions));
  SKEP_TRY_VOID(write_text(folder + "/context.md", persona.context));
  Persona manifest = persona;  // last: without it the folder is none of theirs
  for (std::string* text :
       {&manifest.identity, &manifest.personality, &manifest.instructions, &manifest.context})
    text->clear();
  return store::write_file(fmt::format("{}/{}", folder, kManifest), manifest.to_text());
}

Result<void> Personas::erase(const PersonaPlace& place, std::string_view id) {
  SKEP_TRY(const Persona persona, find(place, id));
  if (persona.origin != Origin::kOwn)
    return fail(Code::kDenied, fmt::format("the persona {} is for everybody; only your own can be "
                                           "changed",
                                           persona.id));
  const auto used = active(place);
  if (used && used->id == persona.id) SKEP_TRY_VOID(choose(place, {}));
  std::error_code error;
  fs::remove_all(folder_of(place.directory, persona.id), error);
  if (error) return fail(errno_error("erasing the persona " + persona.id, error.value()));
  return {};
}

}  // namespace skep::memory
