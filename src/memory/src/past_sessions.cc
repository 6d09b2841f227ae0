#include "past_sessions.h"

#include <filesystem>
#include <fstream>

#include "skep/base/text.h"
#include "transcript.h"

namespace skep::memory {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeadBytes = 64u << 10;  // of a session, in search of its first words
constexpr std::size_t kNamesMax = 10'000;

std::string head_of(const fs::path& path) {
  std::string head(kHeadBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return head;
}

Memory::PastSession looked_at(const fs::path& path) {
  Memory::PastSession session{.file = path.filename().string()};
  std::error_code error;
  session.bytes = fs::file_size(path, error);
  const std::string head = head_of(path);
  for (const std::string_view line : split(head, '\n')) {
    const auto entry = parse_line(line);
    const auto* message = entry ? std::get_if<TranscriptMessage>(&*entry) : nullptr;
    if (message == nullptr || message->role != TranscriptMessage::Role::kUser) continue;
    session.first = message->content;
    session.began = message->ts;
    break;
  }
  return session;
}

}  // namespace

std::vector<Memory::PastSession> past_sessions_in(const std::string& archives) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(archives, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".jsonl") paths.push_back(entry->path());
    if (paths.size() >= kNamesMax) break;
  }
  // "-10" is newer than "-9", and both are newer than none.
  std::ranges::sort(paths, [](const fs::path& a, const fs::path& b) {
    const std::string x = a.stem().string(), y = b.stem().string();
    return x.size() != y.size() && x.substr(0, 15) == y.substr(0, 15) ? x.size() > y.size() : x > y;
  });
  if (paths.size() > Memory::sessions_listed_max) paths.resize(Memory::sessions_listed_max);
  std::vector<Memory::PastSession> sessions;
  for (const fs::path& path : paths) sessions.push_back(looked_at(path));
  return sessions;
}

}  // namespace skep::memory
