#include "skep/base/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "config_node.h"
#include "skep/base/text.h"

namespace skep {

using detail::ConfigKind;
using detail::ConfigNode;
using detail::ConfigState;

namespace {

constexpr std::size_t kConfigBytesMax = 1u << 20;
constexpr std::size_t kSecretFileBytesMax = 64u << 10;
constexpr std::size_t kShownBytesMax = 40;

// Reads one byte more than allowed at most, so a huge file costs nothing.
Result<std::string> read_small_file(const std::string& path, std::size_t bytes_max) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errno_error(fmt::format("reading {}", path), errno));
  std::string bytes(bytes_max + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad()) return fail(errno_error(fmt::format("reading {}", path), errno == 0 ? EIO : errno));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() > bytes_max) {
    return fail(Code::kTooLarge, fmt::format("{} is larger than {}", path, human_size(bytes_max)));
  }
  return bytes;
}

std::string_view kind_name(ConfigKind kind) {
  switch (kind) {
    case ConfigKind::kTable:
      return "a table";
    case ConfigKind::kArray:
      return "an array";
    case ConfigKind::kString:
      return "a string";
    case ConfigKind::kInteger:
      return "an integer";
    case ConfigKind::kFloat:
      return "a float";
    case ConfigKind::kBoolean:
      return "a boolean";
    case ConfigKind::kTime:
      break;
  }
  return "a date or time";
}

std::string describe(const ConfigNode& node) {
  std::string kind(kind_name(node.kind));
  if (node.kind == ConfigKind::kString)
    return fmt::format("{} \"{}\"", kind, redact(node.text, kShownBytesMax));
  if (node.kind == ConfigKind::kInteger) return fmt::format("{} {}", kind, node.integer);
  return kind;
}

std::string describe(IntRange range) {
  bool open_above = range.max == IntRange{}.max;
  if (range.min == IntRange{}.min) return fmt::format("at most {}", range.max);
  return open_above ? fmt::format("at least {}", range.min)
                    : fmt::format("{} to {}", range.min, range.max);
}

// One read of one key: marks it as asked for and reports what is wrong with it.
class Read {
 public:
  Read(ConfigState& state, const ConfigNode* table, std::string_view path, std::string_view key)
      : state_(state), path_(path), key_(key) {
    if (table == nullptr) return;
    state_.asked[table].emplace(key);
    node_ = table->find(key);
  }

  [[nodiscard]] const ConfigNode* node() const { return node_; }

  bool problem(std::uint32_t line, std::string message) {
    state_.add_problem(line, path_, key_, std::move(message));
    return false;
  }
  bool problem(std::string message) { return problem(node_->line, std::move(message)); }

  // The node when it is there and of this kind.
  const ConfigNode* of(ConfigKind kind) {
    if (node_ == nullptr || node_->kind == kind) return node_;
    problem(fmt::format("expected {}, found {}", kind_name(kind), describe(*node_)));
    return nullptr;
  }

  bool expanded(const ConfigNode& text, std::string& into) {
    if (!state_.env) {
      into = text.text;
      return true;
    }
    Result<std::string> value = expand_env(text.text, state_.env);
    if (!value) {
      std::string hint = value.error().code == Code::kNotFound
                             ? "; set it, or give a default: ${NAME:-default}"
                             : "";
      return problem(text.line, value.error().message + hint);
    }
    into = *std::move(value);
    return true;
  }

 private:
  ConfigState& state_;
  std::string_view path_;
  std::string_view key_;
  const ConfigNode* node_ = nullptr;
};

template <class Int>
bool read_integer(Read read, Int& into, IntRange range) {
  const ConfigNode* node = read.of(ConfigKind::kInteger);
  if (node == nullptr) return false;
  range.min = std::max<std::int64_t>(
      range.min, std::in_range<std::int64_t>(std::numeric_limits<Int>::min())
                     ? static_cast<std::int64_t>(std::numeric_limits<Int>::min())
                     : range.min);
  if (std::in_range<std::int64_t>(std::numeric_limits<Int>::max())) {
    range.max = std::min(range.max, static_cast<std::int64_t>(std::numeric_limits<Int>::max()));
  }
  if (node->integer < range.min || node->integer > range.max) {
    return read.problem(fmt::format("expected {}, found {}", describe(range), node->integer));
  }
  into = static_cast<Int>(node->integer);
  return true;
}

std::string child_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

}  // namespace

ConfigSection::ConfigSection(std::shared_ptr<ConfigState> state, const ConfigNode* node,
                             std::string path)
    : state_(std::move(state)), node_(node), path_(std::move(path)) {
  if (node_ != nullptr)
    state_->asked[node_];  // opened: from now on, what nobody asks for in it is unknown
}

bool ConfigSection::present() const { return node_ != nullptr; }
bool ConfigSection::has(std::string_view key) const {
  return node_ != nullptr && node_->find(key) != nullptr;
}
std::string ConfigSection::path() const { return path_; }

bool ConfigSection::read(std::string_view key, std::string& into) {
  Read read(*state_, node_, path_, key);
  const ConfigNode* node = read.of(ConfigKind::kString);
  return node != nullptr && read.expanded(*node, into);
}

bool ConfigSection::read(std::string_view key, Secret& into) {
  std::string file_key = fmt::format("{}_file", key);
  Read direct(*state_, node_, path_, key);
  Read from_file(*state_, node_, path_, file_key);
  if (direct.node() != nullptr && from_file.node() != nullptr) {
    return from_file.problem(fmt::format("give {} or {}, not both", key, file_key));
  }
  std::string text;
  if (direct.node() != nullptr) {
    if (direct.node()->kind !=
        ConfigKind::kString) {  // its value is not shown: it may be the key itself
      return direct.problem(
          fmt::format("expected a string, found {}", kind_name(direct.node()->kind)));
    }
    if (!direct.expanded(*direct.node(), text)) return false;
    into = Secret(std::move(text));
    return true;
  }
  const ConfigNode* file = from_file.of(ConfigKind::kString);
  if (file == nullptr || !from_file.expanded(*file, text)) return false;
  Result<std::string> content = read_small_file(text, kSecretFileBytesMax);
  if (!content) return from_file.problem(content.error().message);
  into = Secret(std::string(trim(*content)));
  wipe(*content);
  return true;
}

bool ConfigSection::read(std::string_view key, bool& into) {
  const ConfigNode* node = Read(*state_, node_, path_, key).of(ConfigKind::kBoolean);
  if (node != nullptr) into = node->boolean;
  return node != nullptr;
}

bool ConfigSection::read(std::string_view key, std::int64_t& into, IntRange range) {
  return read_integer(Read(*state_, node_, path_, key), into, range);
}
bool ConfigSection::read(std::string_view key, int& into, IntRange range) {
  return read_integer(Read(*state_, node_, path_, key), into, range);
}
bool ConfigSection::read(std::string_view key, std::size_t& into, IntRange range) {
  return read_integer(Read(*state_, node_, path_, key), into, range);
}

bool ConfigSection::read(std::string_view key, double& into) {
  Read read(*state_, node_, path_, key);
  if (read.node() != nullptr && read.node()->kind == ConfigKind::kInteger) {
    into = static_cast<double>(read.node()->integer);
    return true;
  }
  const ConfigNode* node = read.of(ConfigKind::kFloat);
  if (node != nullptr) into = node->number;
  return node != nullptr;
}

bool ConfigSection::read(std::string_view key, std::vector<std::string>& into) {
  Read read(*state_, node_, path_, key);
  const ConfigNode* node = read.of(ConfigKind::kArray);
  if (node == nullptr) return false;
  std::vector<std::string> texts(node->children.size());
  bool good = true;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const ConfigNode& item = *node->children[i];
    if (item.kind == ConfigKind::kString) {
      good = read.expanded(item, texts[i]) && good;
    } else {
      good = read.problem(
          item.line, fmt::format("expected an array of strings, found {} in it", describe(item)));
    }
  }
  if (good) into = std::move(texts);
  return good;
}

bool ConfigSection::read_duration(std::string_view key, std::chrono::milliseconds unit,
                                  std::chrono::milliseconds& into) {
  std::int64_t count = 0;
  std::int64_t count_max =
      std::chrono::milliseconds(std::chrono::days(36500)) / unit;  // a century: "never"
  if (!read(key, count, {.min = 0, .max = count_max})) return false;
  into = unit * count;
  return true;
}

bool ConfigSection::read_choice(std::string_view key, std::vector<std::string> choices,
                                std::string& into) {
  std::string text;
  if (!read(key, text)) return false;
  if (std::ranges::find(choices, text) != choices.end()) {
    into = std::move(text);
    return true;
  }
  std::string message = fmt::format("expected one of \"{}\", found \"{}\"", join(choices, "\", \""),
                                    redact(text, kShownBytesMax));
  if (std::optional<std::string> near = nearest(text, choices))
    message += fmt::format("; did you mean \"{}\"?", *near);
  problem(key, std::move(message));
  return false;
}

ConfigSection ConfigSection::child(std::string_view key) {
  const ConfigNode* node = Read(*state_, node_, path_, key).of(ConfigKind::kTable);
  return {state_, node, child_path(path_, key)};
}

std::vector<ConfigSection> ConfigSection::list(std::string_view key) {
  Read read(*state_, node_, path_, key);
  const ConfigNode* node = read.of(ConfigKind::kArray);
  std::vector<ConfigSection> sections;
  if (node == nullptr || node->children.empty()) return sections;
  if (!node->is_table_list()) {
    read.problem("expected a list of tables ([[" + child_path(path_, key) + "]])");
    return sections;
  }
  for (const auto& item : node->children) {
    sections.push_back(
        {state_, item.get(), fmt::format("{}[{}]", child_path(path_, key), sections.size())});
  }
  return sections;
}

std::vector<std::string> ConfigSection::child_names() {
  std::vector<std::string> names;
  if (node_ == nullptr) return names;
  for (const auto& child : node_->children) {
    if (child->kind == ConfigKind::kTable) names.push_back(child->key);
  }
  return names;
}

std::vector<std::string> ConfigSection::value_names() {
  std::vector<std::string> names;
  if (node_ == nullptr) return names;
  for (const auto& child : node_->children) {
    if (child->kind != ConfigKind::kTable) names.push_back(child->key);
  }
  return names;
}

void ConfigSection::refuse(std::string_view key, std::string why) {
  Read read(*state_, node_, path_, key);
  if (read.node() != nullptr) read.problem(std::move(why));
}

void ConfigSection::problem(std::string_view key, std::string message) {
  const ConfigNode* at = node_ == nullptr ? nullptr : node_->find(key);
  if (at == nullptr) at = node_;
  state_->add_problem(at == nullptr ? 0 : at->line, path_, key, std::move(message));
}

Result<ConfigFile> ConfigFile::parse(std::string_view toml, std::string name, EnvLookup env) {
  if (toml.size() > kConfigBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("{} is larger than {}", name, human_size(kConfigBytesMax)));
  }
  auto state = std::make_shared<ConfigState>();
  SKEP_TRY(state->root, detail::parse_toml(toml, name));
  state->asked[state->root.get()];  // also when no room reads anything
  state->name = std::move(name);
  state->env = std::move(env);
  return ConfigFile(std::move(state));
}

Result<ConfigFile> ConfigFile::load(const std::string& path, EnvLookup env) {
  SKEP_TRY(std::string toml, read_small_file(path, kConfigBytesMax));
  return parse(toml, path, std::move(env));
}

ConfigFile ConfigFile::empty() {
  auto state = std::make_shared<ConfigState>();
  state->root = std::make_unique<ConfigNode>();
  return ConfigFile(std::move(state));
}

ConfigSection ConfigFile::root() { return {state_, state_->root.get(), {}}; }

}  // namespace skep
