// A persona as one document.
#include <array>

#include "skep/base/text.h"
#include "skep/memory/personas.h"

namespace skep::memory {
namespace {

constexpr std::size_t kIdBytesMax = 40;
constexpr std::size_t kLineBytesMax = 300;  // of name, description and icon
constexpr std::size_t kGreetingBytesMax = 500;

// Words of /persona.
constexpr std::array<std::string_view, 9> kWords = {
    "list", "reset", "create", "edit", "delete", "export", "import", "answer", "default"};

// A phrase is its words in this order, whatever stands between two of them within a few.
constexpr std::array<std::array<std::string_view, 2>, 6> kTurnsAgainst = {{
    {"ignore", "instructions"},
    {"disregard", "instructions"},
    {"forget", "instructions"},
    {"override", "instructions"},
    {"ignore", "rules"},
    {"reveal", "prompt"},
}};
constexpr std::size_t kWordsBetween = 5;

bool is_unseen(char32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE007F);
}

char32_t next_char(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(at);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t c = length == 1 ? first : first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) c = (c << 6) | (byte(at + i) & 0x3F);
  at += length;
  return c;
}

bool has_unseen(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (is_unseen(next_char(text, at))) return true;
  }
  return false;
}

std::optional<std::string> turning(std::string_view text) {
  const std::string lower = to_lower_ascii(text);
  const std::vector<std::string_view> words = split_words(lower);
  for (const auto& [first, second] : kTurnsAgainst) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (!words[i].starts_with(first)) continue;
      const std::size_t end = std::min(words.size(), i + 2 + kWordsBetween);
      for (std::size_t j = i + 1; j < end; ++j) {
        if (words[j].starts_with(second)) return fmt::format("{} … {}", first, second);
      }
    }
  }
  return std::nullopt;
}

void check_line(ConfigSection& section, std::string_view key, const std::string& text,
                std::size_t bytes_max) {
  if (text.size() > bytes_max)
    section.problem(key, fmt::format("is longer than {} bytes", bytes_max));
  if (text.contains('\n')) section.problem(key, "must be one line");
}

void read_texts(ConfigSection section, Persona& persona) {
  for (const auto& [key, text] :
       {std::pair{"identity", &persona.identity}, std::pair{"personality", &persona.personality},
        std::pair{"instructions", &persona.instructions}, std::pair{"context", &persona.context}}) {
    section.read(key, *text);
    *text = trim(*text);
    if (text->size() > Persona::text_bytes_max)
      section.problem(key, fmt::format("is longer than {} bytes", Persona::text_bytes_max));
  }
}

Persona read(ConfigSection root) {
  Persona persona;
  ConfigSection section = root.child("persona");
  section.read("id", persona.id);
  section.read("name", persona.name);
  section.read("description", persona.description);
  section.read("icon", persona.icon);
  section.read("greeting", persona.greeting);
  if (!persona.id.empty() && !is_persona_id(persona.id))
    section.problem("id", "must be 1 to 40 of a-z 0-9 -, and no word of /persona");
  check_line(section, "name", persona.name, kLineBytesMax);
  check_line(section, "description", persona.description, kLineBytesMax);
  check_line(section, "icon", persona.icon, kLineBytesMax);
  check_line(section, "greeting", persona.greeting, kGreetingBytesMax);
  ConfigSection defaults = section.child("defaults");
  defaults.read("tier", persona.tier);
  if (std::vector<std::string> skills; defaults.read("skills", skills))
    persona.skills = std::move(skills);
  ConfigSection restrictions = section.child("restrictions");
  restrictions.read("allowed_jids", persona.allowed_jids);
  restrictions.read("max_tokens_per_message", persona.max_tokens_per_message,
                    {.min = 0, .max = 1'000'000});
  read_texts(section.child("texts"), persona);
  return persona;
}

std::string quoted(std::string_view text) {
  const bool lines = text.contains('\n');
  std::string out = lines ? "\"\"\"\n" : "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n') {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + (lines ? "\"\"\"" : "\"");
}

void add(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) out += fmt::format("{} = {}\n", key, quoted(value));
}

}  // namespace

bool is_persona_id(std::string_view id) {
  const bool plain = std::ranges::all_of(
      id, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  return plain && !id.empty() && id.size() <= kIdBytesMax &&
         std::ranges::find(kWords, id) == kWords.end();
}

std::optional<std::string> what_is_wrong_with(const Persona& persona) {
  for (const std::string* text :
       {&persona.name, &persona.description, &persona.icon, &persona.greeting, &persona.identity,
        &persona.personality, &persona.instructions, &persona.context}) {
    if (has_unseen(*text)) return "it holds characters that nobody can see";
    if (auto phrase = turning(*text))
      return fmt::format("\"{}\" turns against my own instructions", *phrase);
  }
  return std::nullopt;
}

Result<Persona> Persona::parse(std::string_view toml, const std::string& file) {
  if (toml.size() > file_bytes_max)
    return fail(Code::kTooLarge, fmt::format("{} is over {} KB", file, file_bytes_max / 1024));
  // A stranger may have written it: no variable of ours is put in.
  SKEP_TRY(ConfigFile config, ConfigFile::parse(toml, file, EnvLookup()));
  const bool there = config.root().child("persona").present();
  if (!there) return fail(Code::kInvalid, fmt::format("{} has no [persona]", file));
  Persona persona = read(config.root());
  std::string problems;
  for (const ConfigProblem& problem : config.problems())
    problems +=
        fmt::format("{}{}: {}", problems.empty() ? "" : "\n", problem.where, problem.message);
  if (!problems.empty()) return fail(Code::kInvalid, std::move(problems));
  return persona;
}

std::string Persona::to_text() const {
  std::string out = "[persona]\n";
  add(out, "id", id);
  add(out, "name", name);
  add(out, "description", description);
  add(out, "icon", icon);
  add(out, "greeting", greeting);
  if (!tier.empty() || skills) {
    out += "\n[persona.defaults]\n";
    add(out, "tier", tier);
    if (skills) {
      std::vector<std::string> names;
      for (const std::string& skill : *skills) names.push_back(quoted(skill));
      out += fmt::format("skills = [{}]\n", join(names, ", "));
    }
  }
  out += "\n[persona.texts]\n";
  add(out, "identity", identity);
  add(out, "personality", personality);
  add(out, "instructions", instructions);
  add(out, "context", context);
  return out;
}

}  // namespace skep::memory
