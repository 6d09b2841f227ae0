#include "config_file.h"

#include "skep/base/text.h"

namespace skep::fabric {

namespace {

using States = std::array<std::optional<ConfigState>, kSections.size()>;

constexpr std::size_t kFileBytesMax = 64u << 20;

std::string lines_of(const States& states) {
  std::string text;
  for (const auto& state : states) {
    if (state) text += config_line(*state) + "\n";
  }
  return text;
}

}  // namespace

Result<ConfigFile> ConfigFile::open(std::string path, std::uint64_t bytes_max, Found& found) {
  SKEP_TRY(store::AppendFile file, store::AppendFile::open(path, store::Sync::kDisk));
  SKEP_TRY(const std::string text, store::read_file(path, kFileBytesMax));
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    Result<ConfigState> state = read_config_line(line);
    if (!state) {
      ++found.damaged;
      continue;
    }
    auto& latest = found.states[static_cast<std::size_t>(state->section)];
    if (!latest || !is_newer(latest->version, state->version)) latest = *std::move(state);
  }
  if (found.damaged == 0) return ConfigFile(std::move(file), bytes_max);
  SKEP_TRY_VOID(store::write_file(path + ".bad", text, store::Sync::kDisk));
  SKEP_TRY_VOID(store::write_file(path, lines_of(found.states), store::Sync::kDisk));
  SKEP_TRY(file, store::AppendFile::open(std::move(path), store::Sync::kDisk));
  return ConfigFile(std::move(file), bytes_max);
}

Result<void> ConfigFile::append(const ConfigState& state, const States& all) {
  const std::string line = config_line(state);
  if (file_.size() + line.size() < bytes_max_) return file_.append(line);
  const std::string path = file_.path();
  SKEP_TRY_VOID(store::write_file(path, lines_of(all), store::Sync::kDisk));
  SKEP_TRY(file_, store::AppendFile::open(path, store::Sync::kDisk));
  return {};
}

}  // namespace skep::fabric
