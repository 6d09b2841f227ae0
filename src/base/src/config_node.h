// The TOML file as plain values, so that only config_parse.cc sees the TOML library.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/config.h"

namespace skep::detail {

enum class ConfigKind { kTable, kArray, kString, kInteger, kFloat, kBoolean, kTime };

struct ConfigNode {
  ConfigKind kind = ConfigKind::kTable;
  std::uint32_t line = 0;
  std::string key;   // in its table; empty in an array and at the root
  std::string text;  // kString: the value; kTime: as written
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::vector<std::unique_ptr<ConfigNode>> children;  // kTable, kArray: in file order

  [[nodiscard]] const ConfigNode* find(std::string_view name) const;
  [[nodiscard]] bool is_table_list() const;  // a non-empty array of tables only
};

struct LinedProblem {
  std::uint32_t line;  // 0: none, shown last
  ConfigProblem problem;
};

struct ConfigState {
  std::string name;
  EnvLookup env;
  std::unique_ptr<ConfigNode> root;
  std::map<const ConfigNode*, std::set<std::string, std::less<>>> asked;  // by opened table
  std::vector<LinedProblem> problems;

  void add_problem(std::uint32_t line, std::string_view section, std::string_view key,
                   std::string message);
};

// "skep.toml:12: [server] port"
std::string describe_place(std::string_view file, std::uint32_t line, std::string_view section,
                           std::string_view key);

// kInvalid with file:line:column on bad TOML.
Result<std::unique_ptr<ConfigNode>> parse_toml(std::string_view toml, std::string_view name);

// What nobody asked for, with suggestions.
std::vector<LinedProblem> unknown_keys(const ConfigState& state);

}  // namespace skep::detail
