// Manners that an agent can put on: who it is, how it talks, what it keeps to. Plain files:
//
//   <root>/personas/<id>/{persona.toml,identity.md,personality.md,instructions.md,context.md}
//                                        the house's, for all; they replace built-in ones of that
//                                        id
//   <directory>/personas/<id>/…          a person's or a room's own
//   <directory>/active_persona.txt       the id of the one in use
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/config.h"
#include "skep/base/result.h"

namespace skep::memory {

struct Persona {
  static constexpr std::size_t text_bytes_max = 16u << 10;  // of each text
  static constexpr std::size_t file_bytes_max = 64u << 10;  // of a file that holds all of it
  enum class Origin : std::uint8_t { kBuiltIn, kHouse, kOwn };

  std::string id, name, description, icon;
  std::string greeting;  // said when it is put on
  std::string identity, personality, instructions;
  std::string context;  // what it knows, behind the instructions

  // [persona.defaults]
  std::string tier;                                // of [llm.tiers]
  std::optional<std::vector<std::string>> skills;  // tools it may use, names or globs; none: all
  // [persona.restrictions]
  std::vector<std::string> allowed_jids;  // empty: everybody; "@example.org": a domain
  int max_tokens_per_message = 0;         // of one answer; 0: the model's
  Origin origin = Origin::kOwn;
  bool operator==(const Persona&) const = default;

  // One TOML document: [persona], [persona.defaults], [persona.restrictions], [persona.texts].
  // kInvalid with every problem, unknown keys too; kTooLarge.
  static Result<Persona> parse(std::string_view toml, const std::string& file);
  // What parse() reads as the same but for restrictions, which are not handed on.
  [[nodiscard]] std::string to_text() const;
};
// 1 to 40 of a-z 0-9 -, and no word of /persona.
bool is_persona_id(std::string_view id);
// Why text of a stranger's persona is not taken: characters that nobody sees, or words that turn
// against the instructions in front of it. It is placed and marked as a person's in any case.
std::optional<std::string> what_is_wrong_with(const Persona& persona);

// [personas]
struct PersonasConfig {
  struct Restriction {
    std::string jid;                   // an address, "@example.org", "*"
    std::vector<std::string> allowed;  // ids, "*": all
  };
  std::string usual;  // default; empty: none
  bool allow_user_personas = true;
  int max_user_personas = 5;  // of one person
  bool allow_sharing = true;  // export and import
  std::vector<Restriction> restrictions;

  static PersonasConfig read(ConfigSection root);
};

// Whose personas: Memory::directory() of the conversation, and its peer.
struct PersonaPlace {
  std::string directory, peer;
};

// Files are read when they are asked for: people may edit them at any moment. Loop thread only.
class Personas {
 public:
  static constexpr std::size_t listed_max = 200;  // of the house, and of one person

  // `root`: [memory] path. `built_in`: documents for parse(). kInvalid when one of them cannot be
  // read, or [personas] default is not there.
  static Result<std::unique_ptr<Personas>> open(PersonasConfig config, std::string root,
                                                const std::vector<std::string_view>& built_in);
  [[nodiscard]] const PersonasConfig& config() const { return config_; }
  // Whether use() of it could work: kInvalid when its default is not there.
  [[nodiscard]] Result<void> check(const PersonasConfig& config) const;
  // From the next question on.
  void use(PersonasConfig config) { config_ = std::move(config); }

  // Those that may be used there, by id. A broken one is logged and left out.
  [[nodiscard]] std::vector<Persona> list(const PersonaPlace& place) const;
  // kNotFound with the nearest, kDenied by a restriction.
  [[nodiscard]] Result<Persona> find(const PersonaPlace& place, std::string_view id) const;
  // A built-in one or the house's, whoever may use it.
  [[nodiscard]] std::optional<Persona> of_house(std::string_view id) const;
  // The chosen one, else the default. What is not there or not allowed any more is logged and
  // passed over.
  [[nodiscard]] std::optional<Persona> active(const PersonaPlace& place) const;
  // Empty: back to the default.
  Result<void> choose(const PersonaPlace& place, std::string_view id);

  // May make personas of their own, or change them.
  [[nodiscard]] bool may_make(const PersonaPlace& place) const;
  // Of their own, new or in place of the one of that id. kInvalid, kTooLarge, kExists when the
  // house has that id, kExhausted over max_user_personas, kDenied.
  Result<void> keep(const PersonaPlace& place, const Persona& persona);
  // kNotFound, kDenied when it is not their own. When it is in use the default is instead.
  Result<void> erase(const PersonaPlace& place, std::string_view id);

 private:
  Personas(PersonasConfig config, std::string root)
      : config_(std::move(config)), root_(std::move(root)) {}
  [[nodiscard]] bool allows(const PersonaPlace& place, const Persona& persona) const;
  [[nodiscard]] const PersonasConfig::Restriction* restriction(std::string_view peer) const;

  PersonasConfig config_;
  std::string root_;
  std::vector<Persona> built_in_;
};

}  // namespace skep::memory
