// skep.toml as typed reads. Each room owns its config struct and fills it from a ConfigSection;
// whatever nobody asked for is an unknown key. All problems are collected and shown at once, with
// file and line.
//
//   ConfigSection server = file.root().child("server");
//   server.read("port", config.port, {.min = 1, .max = 65535});
//
// ${VAR}, ${VAR:-default} and $$ are expanded in string values as they are read, so that only
// sections in use can fail for an unset variable.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/base/secret.h"

namespace skep {

struct ConfigProblem {
  std::string where;  // "skep.toml:12: [server] port"
  std::string
      message;  // "expected an integer, found a string"; with "did you mean …?" where a key is near
};

using EnvLookup = std::function<std::optional<std::string>(std::string_view name)>;
EnvLookup process_env();

// Expands ${VAR}, ${VAR:-default} and $$. kNotFound naming the variable when it is unset or empty
// without a default; kInvalid on a lone $ or an unclosed brace.
Result<std::string> expand_env(std::string_view text, const EnvLookup& env);

struct IntRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

namespace detail {
struct ConfigState;
struct ConfigNode;
}  // namespace detail

// One table of the file, or an absent one (then every read leaves its default). A view: the
// ConfigFile must outlive it. Reads mark keys as known; a key read under the wrong type is a
// problem and leaves the default.
class ConfigSection {
 public:
  [[nodiscard]] bool present() const;
  [[nodiscard]] bool has(std::string_view key) const;  // marks nothing
  [[nodiscard]] std::string path() const;              // "server", "llm.tiers", "rooms[2]"

  // Each returns whether the key was there and valid.
  bool read(std::string_view key, std::string& into);
  bool read(std::string_view key,
            Secret& into);  // also `<key>_file`: the trimmed content of that file
  bool read(std::string_view key, bool& into);
  bool read(std::string_view key, std::int64_t& into, IntRange range = {});
  bool read(std::string_view key, int& into, IntRange range = {});
  bool read(std::string_view key, std::size_t& into, IntRange range = {});
  bool read(std::string_view key, double& into);
  bool read(std::string_view key, std::vector<std::string>& into);
  // An integer of seconds/minutes/milliseconds in the file; `unit` says which. Negative values are
  // problems.
  bool read_duration(std::string_view key, std::chrono::milliseconds unit,
                     std::chrono::milliseconds& into);
  // One of `choices`; anything else is a problem that lists them.
  bool read_choice(std::string_view key, std::vector<std::string> choices, std::string& into);

  ConfigSection child(std::string_view key);              // [key]; absent gives an absent section
  std::vector<ConfigSection> list(std::string_view key);  // [[key]]
  std::vector<std::string> child_names();                 // names of sub-tables, for [llm.agents.*]
  std::vector<std::string> value_names();                 // names of plain keys, for [llm.tiers]

  // A key that is known but means nothing here: where it stands, `why` is a problem, and nothing
  // under it is asked for.
  void refuse(std::string_view key, std::string why);

  // Reports a problem of the room's own ("component_secret is required in component mode").
  void problem(std::string_view key, std::string message);

 private:
  friend class ConfigFile;
  ConfigSection(std::shared_ptr<detail::ConfigState> state, const detail::ConfigNode* node,
                std::string path);
  std::shared_ptr<detail::ConfigState> state_;
  const detail::ConfigNode* node_ = nullptr;
  std::string path_;
};

class ConfigFile {
 public:
  // `name` is shown in problems; with an empty `env` texts are taken as they stand, dollars and
  // all. Fails with kInvalid and file:line:column on bad TOML; kTooLarge over 1 MiB.
  static Result<ConfigFile> parse(std::string_view toml, std::string name,
                                  EnvLookup env = process_env());
  static Result<ConfigFile> load(const std::string& path, EnvLookup env = process_env());
  static ConfigFile empty();

  ConfigSection root();
  // Call after every room has read its part: type errors, range errors, unset variables, unknown
  // keys; in file order.
  std::vector<ConfigProblem> problems() const;

 private:
  explicit ConfigFile(std::shared_ptr<detail::ConfigState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::ConfigState> state_;
};

}  // namespace skep
