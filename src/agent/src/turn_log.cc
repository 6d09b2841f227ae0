#include "skep/agent/turn_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdBytesMax = 200;

std::string day_of(WallTime time) {
  std::string text = format_rfc3339(time).substr(0, 10);  // 2026-03-02
  std::erase(text, '-');
  return text;
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax && std::ranges::all_of(id, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\';
  });
}

// Days, newest first.
std::vector<fs::path> files_in(const std::string& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::ranges::sort(files, std::greater<>());
  return files;
}

// What is left out of an agent's tools for a turn makes a new list of the same definitions.
bool are_copies(const llm::ToolSpecs& one, const llm::ToolSpecs& other) {
  return one.same(other) ||
         std::ranges::equal(one, other, [](const llm::ToolSpec& a, const llm::ToolSpec& b) {
           return a.name == b.name && a.description == b.description &&
                  &a.input_schema.text() == &b.input_schema.text();  // copied by reference
         });
}

class FileTurnLog final : public TurnLog {
 public:
  FileTurnLog(TurnLogConfig config, const Clock& clock)
      : config_(std::move(config)), clock_(clock) {}

  Result<void> append(std::string_view turn) override {
    const std::string day = day_of(clock_.now());
    if (!file_ || day != day_) {
      SKEP_TRY(auto file,
               store::AppendFile::open(fmt::format("{}/{}.jsonl", config_.directory, day)));
      file_.emplace(std::move(file));
      day_ = day;
      drop_old();
    }
    return file_->append(turn);
  }

  Result<std::string> keep_tools(const llm::ToolSpecs& tools) override {
    if (!kept_.empty() && are_copies(tools, kept_tools_)) return kept_;
    json::array list;
    for (const llm::ToolSpec& tool : tools) {
      list.push_back(json::object{{"name", tool.name},
                                  {"description", tool.description},
                                  {"input_schema", tool.input_schema}});
    }
    const std::string text = to_json(list);
    std::string name = hex_encode(sha256(text).substr(0, 8));
    const std::string path = fmt::format("{}/tools/{}.json", config_.directory, name);
    std::error_code error;
    if (!fs::exists(path, error)) SKEP_TRY_VOID(store::write_file(path, text));
    kept_ = name;
    kept_tools_ = tools;
    return name;
  }

 private:
  void drop_old() const {
    const std::string oldest = day_of(clock_.now() - std::chrono::days(config_.keep_days));
    for (const fs::path& file : files_in(config_.directory)) {
      std::error_code error;
      if (file.stem().string() < oldest) fs::remove(file, error);
    }
  }

  TurnLogConfig config_;
  const Clock& clock_;
  std::optional<store::AppendFile> file_;
  std::string day_, kept_;
  llm::ToolSpecs kept_tools_;  // whose name kept_ is
};

// A sub-agent's part has its parent's trace.
bool has_id(const json::value& turn, std::string_view id) {
  if (get_member(turn, "parent") != nullptr) return get_string(turn, "turn") == id;
  return get_string(turn, "turn") == id || get_string(turn, "reply") == id ||
         get_string(turn, "trace") == id || get_string(turn, "foreign_id") == id;
}

}  // namespace

TurnLogConfig TurnLogConfig::read(ConfigSection section, const std::string& home) {
  TurnLogConfig config{.directory = home + "/turns"};
  section.read("enabled", config.enabled);
  section.read("keep_days", config.keep_days, {.min = 1, .max = 3650});
  return config;
}

Result<std::unique_ptr<TurnLog>> TurnLog::open(TurnLogConfig config, const Clock& clock) {
  SKEP_TRY_VOID(store::make_directories(config.directory));
  return std::make_unique<FileTurnLog>(std::move(config), clock);
}

Result<json::object> find_turn(const std::string& directory, std::string_view id) {
  if (!is_id(id)) return fail(Code::kInvalid, "that is no id of a turn");
  for (const fs::path& path : files_in(directory)) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (!line.contains(id)) continue;
      auto turn = parse_json(line);
      if (turn && turn->is_object() && has_id(*turn, id)) return std::move(turn->as_object());
    }
  }
  return fail(Code::kNotFound,
              fmt::format("no turn \"{}\" is recorded: the id is that of a message or its answer, "
                          "and turns are kept for [trace] keep_days",
                          id));
}

std::vector<json::object> find_parts(const std::string& directory, std::string_view id) {
  std::vector<json::object> parts;
  if (!is_id(id)) return parts;
  for (const fs::path& path : files_in(directory)) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (!line.contains(id)) continue;
      auto turn = parse_json(line);
      if (turn && turn->is_object() && get_string(*turn, "parent") == id)
        parts.push_back(std::move(turn->as_object()));
    }
  }
  return parts;
}

Result<llm::ToolSpecs> read_tools(const std::string& directory, std::string_view name) {
  SKEP_TRY(const std::string text,
           store::read_file(fmt::format("{}/tools/{}.json", directory, name)));
  SKEP_TRY(const json::value list, parse_json(text));
  if (!list.is_array()) return fail(Code::kCorrupt, "the kept tools are no list");
  std::vector<llm::ToolSpec> tools;
  for (const json::value& one : list.as_array()) {
    const json::value* schema = get_member(one, "input_schema");
    if (schema == nullptr) return fail(Code::kCorrupt, "a kept tool has no schema");
    tools.push_back({std::string(get_string(one, "name")),
                     std::string(get_string(one, "description")), *schema});
  }
  return llm::ToolSpecs(std::move(tools));
}

}  // namespace skep::agent
