#include "agent_log.h"

#include <filesystem>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::kernel {

void AgentLog::write(std::string_view event, json::object details) const {
  json::object line{{"ts", format_rfc3339(clock_.now(), true)}, {"event", event}};
  for (auto& [key, value] : details) line[key] = std::move(value);
  const std::string path = directory_ + "/log.jsonl";
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) > bytes_max && !ignored)
    std::filesystem::rename(path, directory_ + "/log.1.jsonl", ignored);
  auto file = store::AppendFile::open(path);
  const Result<void> written =
      file ? file->append(to_json(line)) : Result<void>(std::unexpected(file.error()));
  if (!written) log::warn("kernel", "{}: {}", path, written.error().to_string());
}

Result<std::vector<std::string>> AgentLog::newest(std::size_t lines_max) const {
  std::vector<std::string> lines;
  for (std::string_view name : {"/log.1.jsonl", "/log.jsonl"}) {
    auto text = store::read_file(directory_ + std::string(name), 4 * bytes_max);
    if (!text && text.error().code == Code::kNotFound) continue;
    if (!text) return fail(std::move(text).error());
    for (std::string_view line : split(*text, '\n')) {
      if (!line.empty()) lines.emplace_back(line);
    }
  }
  if (lines.size() > lines_max)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(lines_max));
  return lines;
}

}  // namespace skep::kernel
