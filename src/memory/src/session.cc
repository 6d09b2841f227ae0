#include "session.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "transcript.h"

namespace skep::memory {
namespace {

constexpr int kArchivesPerSecondMax = 1000;

const std::optional<WallTime>& time_of(const TranscriptEntry& entry) {
  return std::visit([](const auto& e) -> const std::optional<WallTime>& { return e.ts; }, entry);
}

// So that memory and file never differ (broken UTF-8, cut results).
std::optional<TranscriptEntry> as_read_back(const TranscriptEntry& entry, std::string_view line) {
  return reads_back_as_it_is(entry) ? entry : parse_line(line);
}

// A line that says when a session that had been put aside was gone on with.
std::string taken_up_line(WallTime now) {
  return to_json(
      json::object{{"type", "marker"}, {"what", "resumed"}, {"ts", format_rfc3339(now)}});
}

std::optional<WallTime> taken_up_in(std::string_view line) {
  if (!line.contains("\"marker\"")) return std::nullopt;
  const auto value = parse_json(line);
  if (!value || get_string(*value, "type") != "marker") return std::nullopt;
  const auto when = parse_rfc3339(get_string(*value, "ts"));
  return when ? std::optional(*when) : std::nullopt;
}

bool path_exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

Result<std::optional<Session::Stamp>> Session::stamp() const {
  struct stat info{};
  if (::stat(paths_.history.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail(errno_error("reading " + paths_.history, errno));
  }
  const std::int64_t modified = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  return Stamp{info.st_ino, static_cast<std::uint64_t>(info.st_size), modified};
}

void Session::forget() {
  stamp_.reset();
  file_.reset();
  entries_.clear();
  calls_.clear();
  taint_.clear();
  taken_up_.reset();
}

Result<void> Session::refresh() {
  SKEP_TRY(const auto now, stamp());
  if (now == stamp_) return {};
  forget();
  if (!now) return {};
  SKEP_TRY(auto file, store::AppendFile::open(paths_.history, sync_));
  if (file.repaired()) {
    log::warn("memory", "{}: its last line was torn and moved to {}.torn", paths_.history,
              paths_.history);
  }
  const auto text = store::read_file(paths_.history, kSessionBytesMax);
  if (!text && text.error().code == Code::kTooLarge) {
    return fail(Code::kTooLarge, fmt::format("this session is over {}; /new starts another",
                                             human_size(kSessionBytesMax)));
  }
  if (!text) return fail(text.error());
  for (const std::string_view line : split(*text, '\n')) {
    if (auto entry = parse_line(line))
      keep(*std::move(entry));
    else if (const auto when = taken_up_in(line))
      taken_up_ = when;
  }
  file_.emplace(std::move(file));
  SKEP_TRY(stamp_, stamp());
  return {};
}

std::size_t Session::messages() const {
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [](const TranscriptEntry& entry) {
    return std::holds_alternative<TranscriptMessage>(entry);
  }));
}

std::optional<WallTime> Session::last_activity() const {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (time_of(*entry))
      return taken_up_ ? std::max(*time_of(*entry), *taken_up_) : time_of(*entry);
  }
  if (!stamp_) return std::nullopt;
  return WallTime(Millis(stamp_->modified_ns / 1'000'000));
}

// Tools stand between the question and the answer of their turn.
void Session::keep(TranscriptEntry entry) {
  if (const auto* tool = std::get_if<TranscriptTool>(&entry)) {
    if (!tool->call.empty()) calls_.insert(tool->turn + ' ' + tool->call);
    add_taint(taint_, taint_of(*tool));
    return;
  }
  calls_.clear();
  auto* message = std::get_if<TranscriptMessage>(&entry);
  if (message != nullptr && message->role == TranscriptMessage::Role::kAssistant) {
    add_taint(message->taint, taint_);
    taint_.clear();
  }
  entries_.push_back(std::move(entry));
}

bool Session::is_repeat(const TranscriptEntry& entry) const {
  if (const auto* tool = std::get_if<TranscriptTool>(&entry))
    return calls_.contains(tool->turn + ' ' + tool->call);
  const auto* message = std::get_if<TranscriptMessage>(&entry);
  if (message == nullptr || message->msg_id.empty()) return false;
  const std::size_t looked_at = std::min<std::size_t>(2, entries_.size());
  return std::any_of(entries_.end() - static_cast<std::ptrdiff_t>(looked_at), entries_.end(),
                     [&](const TranscriptEntry& earlier) {
                       const auto* other = std::get_if<TranscriptMessage>(&earlier);
                       return other != nullptr && other->msg_id == message->msg_id &&
                              other->role == message->role;
                     });
}

Result<void> Session::append(std::span<const TranscriptEntry> entries, WallTime now) {
  std::vector<std::string> lines;
  std::vector<TranscriptEntry> fresh;
  std::uint64_t bytes = 0;
  if (!stamp_ || stamp_->size == 0) lines.push_back(header_line(conversation_, now));
  for (const TranscriptEntry& entry : entries) {
    if (is_repeat(entry)) continue;
    lines.push_back(to_line(entry));
    if (auto stored = as_read_back(entry, lines.back())) fresh.push_back(*std::move(stored));
    bytes += lines.back().size() + 1;
  }
  if (bytes == 0) return {};
  const std::uint64_t size_before = stamp_ ? stamp_->size : 0;
  if (size_before + lines.front().size() + bytes > kSessionBytesMax) {
    return fail(Code::kExhausted, fmt::format("this session has reached {}; /new starts another",
                                              human_size(kSessionBytesMax)));
  }
  if (!file_) {
    SKEP_TRY(auto file, store::AppendFile::open(paths_.history, sync_));
    file_.emplace(std::move(file));
  }
  const std::uint64_t file_before = file_->size();
  SKEP_TRY_VOID(file_->append_lines(lines));
  for (TranscriptEntry& entry : fresh) keep(std::move(entry));
  SKEP_TRY(stamp_, stamp());
  // Somebody else wrote as well: read it all at the next refresh.
  const std::uint64_t expected = size_before + file_->size() - file_before;
  if (stamp_ && stamp_->size != expected) stamp_->modified_ns = -1;
  return {};
}

// The newest message with that id; written beside and renamed, so that a kill leaves one or the
// other.
Result<std::string> Session::retract(std::string_view origin_id, std::string_view sender) {
  if (!exists() || origin_id.empty()) return fail(Code::kNotFound, "no such message");
  SKEP_TRY(const std::string text, store::read_file(paths_.history, kSessionBytesMax));
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) lines.emplace_back(line);
  for (std::size_t i = lines.size(); i-- > 0;) {
    auto entry = parse_line(lines[i]);
    auto* message = entry ? std::get_if<TranscriptMessage>(&*entry) : nullptr;
    const bool it = message != nullptr && message->role == TranscriptMessage::Role::kUser &&
                    message->origin_id == origin_id && message->sender == sender;
    if (!it) continue;
    message->content.clear();
    message->attachments.clear();
    message->retracted = true;
    lines[i] = to_line(*entry);
    SKEP_TRY_VOID(store::write_file(paths_.history, join(lines, "\n"), sync_));
    forget();
    return message->msg_id;
  }
  return fail(Code::kNotFound, "no such message");
}

Result<std::string> Session::archive(WallTime now) {
  SKEP_TRY_VOID(store::make_directories(paths_.archives));
  const std::string base = format_archive_stamp(now);
  for (int number = 1; number <= kArchivesPerSecondMax; ++number) {
    const std::string suffix = number == 1 ? "" : fmt::format("-{}", number);
    const std::string name = fmt::format("{}{}.jsonl", base, suffix);
    const std::string path = paths_.archives + "/" + name;
    if (path_exists(path)) continue;
    if (::rename(paths_.history.c_str(), path.c_str()) != 0) {
      return fail(errno_error("archiving " + paths_.history, errno));
    }
    forget();
    return name;
  }
  return fail(Code::kExhausted,
              fmt::format("{} archives within one second", kArchivesPerSecondMax));
}

Result<void> Session::take_up(const std::string& path, WallTime now) {
  forget();
  if (path_exists(paths_.history)) return fail(Code::kExists, "there is an active session");
  SKEP_TRY(auto file, store::AppendFile::open(path, sync_));
  SKEP_TRY_VOID(file.append_lines({taken_up_line(now)}));
  if (::rename(path.c_str(), paths_.history.c_str()) != 0)
    return fail(errno_error("taking up " + path, errno));
  return {};
}

}  // namespace skep::memory
