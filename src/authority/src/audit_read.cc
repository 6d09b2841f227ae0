// Reading the audit log: the whole of it for `skep audit`, its end when it is opened.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <filesystem>

#include "audit_chain.h"
#include "audit_line.h"
#include "audit_lines.h"

namespace skep::authority {

namespace {

constexpr int kLookAgain = 100;  // while files are put aside under our eyes
constexpr std::string_view kAside = "audit-", kEnding = ".jsonl";

// Through an older file to the next: only the last may end without a newline.
Error torn(std::size_t at) {
  return {Code::kCorrupt, fmt::format("file {} of the log ends in the middle of a line", at + 1)};
}

}  // namespace

std::string aside_path(const std::string& log, std::uint64_t seq) {
  const std::filesystem::path folder = std::filesystem::path(log).parent_path();
  return (folder / fmt::format("{}{:020}{}", kAside, seq, kEnding)).string();
}

Result<std::vector<std::string>> audit_files(const std::string& log) {
  std::vector<std::string> files;
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(log).parent_path();
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(kAside) && name.ends_with(kEnding)) files.push_back(at->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(errno_error("reading " + folder.string(), error.value()));
  std::ranges::sort(files);
  files.push_back(log);
  return files;
}

Result<std::uint64_t> first_seq(const std::string& path) {
  SKEP_TRY(AuditLines lines, AuditLines::open({path}, 0));
  SKEP_TRY(const auto line, lines.next());
  if (!line) return 0;
  SKEP_TRY(const AuditEntry entry, parse_audit_line(line->text));
  return entry.seq;
}

Result<AuditLines> AuditLines::open(const std::vector<std::string>& paths, std::uint64_t offset) {
  std::vector<File> files;
  for (const std::string& path : paths) {
    File file(std::fopen(path.c_str(), "rbe"));
    if (file == nullptr) return fail(errno_error("opening " + path, errno));
    const bool first = files.empty();
    if (first && fseeko(file.get(), static_cast<off_t>(offset), SEEK_SET) != 0)
      return fail(errno_error("reading " + path, errno));
    files.push_back(std::move(file));
  }
  return AuditLines(std::move(files), offset);
}

Result<AuditLines> AuditLines::open_all(const std::string& log) {
  for (int tries = 0;; ++tries) {
    SKEP_TRY(std::vector<std::string> paths, audit_files(log));
    auto lines = open(paths, 0);
    SKEP_TRY(const std::vector<std::string> after, audit_files(log));
    const bool moved = after != paths;
    if (moved && tries < kLookAgain) continue;
    // A process that died in the middle left only files that were put aside.
    if (!lines && lines.error().code == Code::kNotFound && paths.size() > 1) {
      paths.pop_back();
      lines = open(paths, 0);
    }
    return lines;
  }
}

Result<std::optional<AuditLines::Line>> AuditLines::next() {
  Line line{.text = {}, .offset = offset_};
  while (at_ < files_.size()) {
    std::FILE* file = files_[at_].get();
    for (int c = std::getc(file); c != EOF; c = std::getc(file)) {
      ++offset_;
      if (c == '\n') return line;
      if (line.text.size() >= audit_line_bytes_max)
        return fail(Code::kCorrupt, "it is longer than a line can be");
      line.text.push_back(static_cast<char>(c));
    }
    if (std::ferror(file) != 0) return fail(errno_error("reading the audit log", errno));
    if (at_ + 1 == files_.size()) break;
    if (!line.text.empty()) return fail(torn(at_));
    ++at_;
    line.offset = offset_ = 0;
  }
  return std::nullopt;
}

std::unexpected<Error> wrong_line(std::uint64_t number, std::string_view why) {
  return fail(Code::kCorrupt, fmt::format("line {} of the audit log: {}", number, why));
}

Result<std::optional<AuditEntry>> AuditChain::next(AuditLines& lines) {
  auto line = lines.next();
  if (!line) return wrong_line(seq + 1, line.error().message);
  if (!*line) return std::nullopt;
  auto entry = parse_audit_line((*line)->text);
  if (!entry) return wrong_line(seq + 1, entry.error().message);
  if (entry->seq != seq + 1)
    return wrong_line(seq + 1, fmt::format("it has the number {}", entry->seq));
  if (entry->prev != hash) return wrong_line(seq + 1, "it does not follow from the line before");
  ++seq;
  hash = entry->hash;
  offset = (*line)->offset;
  return *std::move(entry);
}

Result<void> check_head(const AuditHead& head, const AuditChain& chain) {
  if (chain.seq != head.seq || chain.hash == head.hash) return {};
  return wrong_line(head.seq, "it is not the one that the head names");
}

std::unexpected<Error> lines_missing(const AuditHead& head, std::uint64_t lines) {
  return fail(Code::kCorrupt,
              fmt::format("the audit log ends with line {}, but its head names line {}: lines were "
                          "taken away",
                          lines, head.seq));
}

Result<std::uint64_t> verify_audit(const std::string& home) {
  const AuditPaths paths(home);
  // The head first: a daemon may be adding lines.
  SKEP_TRY(const std::optional<AuditHead> head, read_head(paths));
  if (!head) return fail(Code::kNotFound, "there is no audit log in " + home);
  AuditChain chain{.seq = 0, .hash = first_prev(), .offset = 0};
  auto lines = AuditLines::open_all(paths.log);
  if (!lines && head->seq == 0) return 0;
  if (!lines) return lines_missing(*head, 0);
  while (true) {
    SKEP_TRY(const std::optional<AuditEntry> entry, chain.next(*lines));
    if (!entry) break;
    SKEP_TRY_VOID(check_head(*head, chain));
  }
  if (chain.seq < head->seq) return lines_missing(*head, chain.seq);
  return chain.seq;
}

Result<std::vector<AuditEntry>> read_audit(const std::string& home, std::size_t entries_max,
                                           const std::function<bool(const AuditEntry&)>& wanted) {
  auto lines = AuditLines::open_all(AuditPaths(home).log);
  if (!lines && lines.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "there is no audit log in " + home);
  if (!lines) return fail(lines.error());
  std::deque<AuditEntry> newest;
  for (std::uint64_t number = 1;; ++number) {
    auto line = lines->next();
    if (!line) return wrong_line(number, line.error().message);
    if (!*line) break;
    auto entry = parse_audit_line((*line)->text);
    if (!entry) return wrong_line(number, entry.error().message);
    if (!wanted(*entry)) continue;
    newest.push_back(*std::move(entry));
    if (newest.size() > entries_max) newest.pop_front();
  }
  return std::vector<AuditEntry>(std::make_move_iterator(newest.begin()),
                                 std::make_move_iterator(newest.end()));
}

}  // namespace skep::authority
