#include "skep/store/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "file_io.h"
#include "journal_segment.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::store {
namespace {

// Kinds, ids, set names and keys; longer ones are refused with kTooLarge.
constexpr std::size_t kNameBytesMax = 64u << 10;
// A segment never grows over this; what is unfinished at one time cannot either. Then begin and
// step fail with kExhausted.
constexpr std::uint64_t kLiveBytesMax = 1u << 30;
// A rotation writes pieces of about this size.
constexpr std::size_t kCopyChunk = 1u << 20;
// A large step's buffer is given back.
constexpr std::size_t kIdleBytesMax = 256u << 10;

std::string segment_path(const std::string& directory, std::uint64_t number) {
  return fmt::format("{}/journal-{}.log", directory, number);
}

// The number in "journal-<n>.log".
std::optional<std::uint64_t> segment_number(std::string_view name) {
  constexpr std::string_view kPrefix = "journal-";
  constexpr std::string_view kSuffix = ".log";
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return number;
}

Result<std::vector<std::string>> list_names(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
  if (!dir) return fail(io_error("reading", directory, errno));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) names.emplace_back(entry->d_name);
  return names;
}

// Held as long as the descriptor is open, however the process ends.
Result<Fd> lock_directory(const std::string& directory) {
  const std::string path = directory + "/journal.lock";
  SKEP_TRY(Fd fd, open_file(path, O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(io_error("locking", path, errno));
    SKEP_TRY(const std::string holder, read_at(fd, path, 0, 20));
    return fail(Code::kConflict, fmt::format("the journal in {} is in use by process {}", directory,
                                             holder.empty() ? "?" : trim(holder)));
  }
  if (::ftruncate(fd.get(), 0) != 0) return fail(io_error("writing", path, errno));
  // A full disk must not keep us from starting: the number only helps people.
  (void)write_all(fd, path, fmt::format("{}\n", ::getpid()));
  return fd;
}

std::uint64_t draw_salt() {
  std::uint64_t salt = 0;
  const std::string bytes = random_bytes(sizeof salt);
  std::memcpy(&salt, bytes.data(), sizeof salt);
  return salt;
}

// The segment that is being written.
struct Segment {
  std::string path;
  std::uint64_t number = 0;
  std::uint64_t salt = 0;
  std::uint64_t size = 0;
  Fd fd;
};

// Calls `visit` with the records that build `state` anew.
template <class F>
Result<void> for_each_record(const JournalState& state, F visit) {
  for (const auto& [set, keys] : state.sets()) {
    for (const std::string& key : keys.order) {
      SKEP_TRY_VOID(visit(Record{RecordType::kRemember, set, key, {}}));
    }
  }
  for (const auto& [order, entry] : state.entries()) {
    SKEP_TRY_VOID(visit(Record{RecordType::kBegin, entry.kind, entry.id, entry.steps[0]}));
    for (std::size_t i = 1; i < entry.steps.size(); ++i) {
      SKEP_TRY_VOID(visit(Record{RecordType::kStep, {}, entry.id, entry.steps[i]}));
    }
  }
  return {};
}

Result<void> fill_segment(Segment& segment, const std::string& path, const JournalState& state) {
  std::string pending = segment_header(segment.salt);
  auto flush = [&]() -> Result<void> {
    SKEP_TRY_VOID(write_all(segment.fd, path, pending));
    segment.size += pending.size();
    pending.clear();
    return {};
  };
  SKEP_TRY_VOID(for_each_record(state, [&](const Record& record) -> Result<void> {
    append_record(pending, segment.salt, segment.size + pending.size(), record);
    return pending.size() < kCopyChunk ? Result<void>{} : flush();
  }));
  SKEP_TRY_VOID(flush());
  // Always to the disk, whatever the Sync: the rename below gives up the old segment, so its
  // successor must be whole even after a power failure. Once in segment_bytes_max of writing.
  return sync_data(segment.fd, path);
}

// Writes a whole segment under a temporary name and renames it: under its own name it is complete
// from the first moment.
Result<Segment> create_segment(const std::string& directory, std::uint64_t number,
                               const JournalState& state) {
  Segment segment{segment_path(directory, number), number, draw_salt(), 0, {}};
  const std::string beside = segment.path + ".tmp";
  SKEP_TRY(segment.fd, open_file(beside, O_RDWR | O_CREAT | O_TRUNC | O_APPEND));
  Result<void> done = fill_segment(segment, beside, state);
  if (done && ::rename(beside.c_str(), segment.path.c_str()) != 0) {
    done = fail(io_error("renaming", beside, errno));
  }
  if (!done) {
    ::unlink(beside.c_str());
    return fail(std::move(done).error());
  }
  // From here on the new segment counts, so nothing may fail any more: records written to the old
  // one would be lost.
  if (auto synced = sync_directory(directory); !synced) {
    log::warn("store", "{}", synced.error().to_string());
  }
  return segment;
}

class FileJournal final : public Journal {
 public:
  FileJournal(JournalConfig config, Fd lock) : config_(std::move(config)), lock_(std::move(lock)) {}
  ~FileJournal() override { write_unwritten(); }

  Result<void> load();

  [[nodiscard]] std::vector<JournalEntry> unfinished(std::string_view kind) const override {
    std::vector<JournalEntry> found;
    for (const auto& [order, entry] : state_.entries()) {
      if (entry.kind == kind) found.push_back({EntryId(entry.id), entry.kind, entry.steps});
    }
    return found;
  }
  [[nodiscard]] std::vector<std::string> kinds() const override {
    std::set<std::string> found;
    for (const auto& [order, entry] : state_.entries()) found.insert(entry.kind);
    return {found.begin(), found.end()};
  }
  Result<void> begin(std::string_view kind, const EntryId& id, std::string_view what) override {
    if (contains(id)) return fail(Code::kExists, fmt::format("entry {} exists", id.str()));
    return append({RecordType::kBegin, kind, id.str(), what});
  }
  Result<void> step(const EntryId& id, std::string_view what) override {
    if (!contains(id)) return fail(Code::kNotFound, fmt::format("no entry {}", id.str()));
    return append({RecordType::kStep, {}, id.str(), what});
  }
  Result<void> end(const EntryId& id) override {
    if (!contains(id)) return fail(Code::kNotFound, fmt::format("no entry {}", id.str()));
    return append({RecordType::kEnd, {}, id.str(), {}});
  }
  [[nodiscard]] bool contains(const EntryId& id) const override {
    return state_.contains(id.str());
  }
  [[nodiscard]] std::size_t size() const override { return state_.entries().size(); }
  Result<void> remember(std::string_view set, std::string_view key) override {
    if (state_.remembers(set, key)) return {};
    SKEP_TRY_VOID(room_for_set(set));
    return append({RecordType::kRemember, set, key, {}});
  }
  Result<void> remember_with_next(std::string_view set, std::string_view key) override {
    if (state_.remembers(set, key)) return {};
    if (unwritten_.size() >= unwritten_max) return remember(set, key);
    const Record record{RecordType::kRemember, set, key, {}};
    if (broken_) return fail(*broken_);
    SKEP_TRY_VOID(room_for_set(set));
    SKEP_TRY_VOID(check_sizes(record));
    unwritten_.emplace_back(set, key);
    return state_.apply(record);
  }
  [[nodiscard]] bool remembers(std::string_view set, std::string_view key) const override {
    return state_.remembers(set, key);
  }
  [[nodiscard]] std::vector<std::string> remembered(std::string_view set) const override {
    const auto found = state_.sets().find(set);
    if (found == state_.sets().end()) return {};
    return {found->second.order.begin(), found->second.order.end()};
  }

 private:
  Result<void> append(const Record& record);
  Result<void> write(const Record& record);
  Result<void> write_bytes(const std::string& bytes);
  void append_unwritten(std::string& bytes) const;
  void write_unwritten();
  [[nodiscard]] Result<void> room_for_set(std::string_view set) const;
  void rotate();
  Result<void> read_segment(std::uint64_t number);
  [[nodiscard]] Result<void> check_sizes(const Record& record) const;

  JournalConfig config_;
  Fd lock_;
  Segment segment_;
  JournalState state_;
  std::vector<std::pair<std::string, std::string>> unwritten_;  // set and key, in state_ already
  std::string bytes_;                                           // of the last write: its memory
  std::uint64_t rotate_at_ = 0;
  std::optional<Error> broken_;  // the file's end is unknown: nothing more is written
};

Result<void> FileJournal::load() {
  SKEP_TRY(const auto names, list_names(config_.directory));
  std::uint64_t newest = 0;
  for (const std::string& name : names) {
    if (const auto number = segment_number(name)) newest = std::max(newest, *number);
  }
  if (newest > 0) SKEP_TRY_VOID(read_segment(newest));
  if (!segment_.fd.valid()) {
    SKEP_TRY(segment_, create_segment(config_.directory, std::max<std::uint64_t>(newest, 1), {}));
  }
  // What a rotation left when the process died: an older segment, whose live part is in the newest,
  // or an unfinished new one.
  for (const std::string& name : names) {
    const auto number = segment_number(name);
    const bool unfinished_rotation = name.starts_with("journal-") && name.ends_with(".log.tmp");
    if ((number && *number < newest) || unfinished_rotation) {
      ::unlink((config_.directory + "/" + name).c_str());
    }
  }
  rotate_at_ = config_.segment_bytes_max;
  return {};
}

Result<void> FileJournal::read_segment(std::uint64_t number) {
  const std::string path = segment_path(config_.directory, number);
  SKEP_TRY(const std::string bytes, read_file(path, 2 * kLiveBytesMax));
  auto recovered = recover_segment(bytes);
  if (!recovered) return fail(std::move(recovered).error().in(path));
  if (recovered->whole_bytes == 0) return {};
  SKEP_TRY(Fd fd, open_file(path, O_RDWR | O_APPEND));
  if (recovered->whole_bytes < bytes.size()) {
    if (::ftruncate(fd.get(), static_cast<off_t>(recovered->whole_bytes)) != 0) {
      return fail(io_error("repairing", path, errno));
    }
    log::warn("store", "{}: cut a record of {} bytes that was not written to its end", path,
              bytes.size() - recovered->whole_bytes);
  }
  segment_ = {path, number, recovered->salt, recovered->whole_bytes, std::move(fd)};
  state_ = std::move(recovered->state);
  return {};
}

Result<void> FileJournal::check_sizes(const Record& record) const {
  const std::uint64_t step_max = std::min(config_.step_bytes_max, kLiveBytesMax);
  if (record.what.size() > step_max) {
    return fail(Code::kTooLarge, fmt::format("a step of {} is over the journal's limit of {}",
                                             human_size(record.what.size()), human_size(step_max)));
  }
  if (record.name.size() > kNameBytesMax || record.key.size() > kNameBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("a name or key is longer than {}", human_size(kNameBytesMax)));
  }
  return {};
}

Result<void> FileJournal::append(const Record& record) {
  if (broken_) return fail(*broken_);
  SKEP_TRY_VOID(check_sizes(record));
  SKEP_TRY_VOID(write(record));
  if (auto applied = state_.apply(record); !applied) return applied;  // checked by the callers
  if (segment_.size >= rotate_at_) rotate();
  return {};
}

Result<void> FileJournal::write(const Record& record) {
  bytes_.clear();
  if (bytes_.capacity() > kIdleBytesMax) bytes_.shrink_to_fit();
  append_unwritten(bytes_);
  append_record(bytes_, segment_.salt, segment_.size + bytes_.size(), record);
  // Ending an entry is always let through: it is what makes room.
  if (record.type != RecordType::kEnd && segment_.size + bytes_.size() > kLiveBytesMax) {
    return fail(Code::kExhausted, "the journal holds too much unfinished work");
  }
  return write_bytes(bytes_);
}

Result<void> FileJournal::room_for_set(std::string_view set) const {
  if (state_.sets().contains(set) || state_.sets().size() < sets_max) return {};
  return fail(Code::kExhausted, fmt::format("more than {} sets of keys", sets_max));
}

void FileJournal::append_unwritten(std::string& bytes) const {
  for (const auto& [set, key] : unwritten_) {
    append_record(bytes, segment_.salt, segment_.size + bytes.size(),
                  {RecordType::kRemember, set, key, {}});
  }
}

// In an orderly end nothing follows that they could go with.
void FileJournal::write_unwritten() {
  if (unwritten_.empty() || broken_) return;
  std::string bytes;
  append_unwritten(bytes);
  if (auto written = write_bytes(bytes); !written)
    log::warn("store", "keys are not remembered: {}", written.error().to_string());
}

// All of what waits, in one write(2).
Result<void> FileJournal::write_bytes(const std::string& bytes) {
  auto done = append_whole(segment_.fd, segment_.path, bytes);
  if (done && config_.sync == Sync::kDisk) {
    done = sync_data(segment_.fd, segment_.path);
    // The kernel may have dropped the page: neither "written" nor "not written" is known to be true
    // any more.
    if (!done) broken_ = Error{Code::kInternal, done.error().message + "; restart to recover"};
  } else if (!done && done.error().code == Code::kInternal) {
    broken_ = done.error();  // a short write that could not be undone
  }
  if (!done) return done;
  segment_.size += bytes.size();
  unwritten_.clear();
  return {};
}

void FileJournal::rotate() {
  auto next = create_segment(config_.directory, segment_.number + 1, state_);
  if (!next) {
    log::warn("store", "journal goes on in {}: {}", segment_.path, next.error().to_string());
    rotate_at_ = segment_.size + config_.segment_bytes_max;
    return;
  }
  const std::string old = std::exchange(segment_, *std::move(next)).path;
  ::unlink(old.c_str());
  // Twice the live part: with much unfinished work a rotation must not follow on every record.
  rotate_at_ = std::max(config_.segment_bytes_max, 2 * segment_.size);
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(JournalConfig config) {
  SKEP_TRY_VOID(make_directories(config.directory));
  SKEP_TRY(Fd lock, lock_directory(config.directory));
  auto journal = std::make_unique<FileJournal>(std::move(config), std::move(lock));
  SKEP_TRY_VOID(journal->load());
  return journal;
}

}  // namespace skep::store
