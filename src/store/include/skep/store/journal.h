// What has been accepted and is not finished yet: the memory that survives kill -9.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/id.h"
#include "skep/base/result.h"
#include "skep/store/append_file.h"

namespace skep::store {

struct EntryIdTag;
using EntryId = StrongId<EntryIdTag>;

// An unfinished piece of work: what was accepted, and every step taken since, in order.
struct JournalEntry {
  EntryId id;
  std::string kind;                // "turn", "out": whose entry it is
  std::vector<std::string> steps;  // [0] is what begin() was given
};

struct JournalConfig {
  std::string directory;
  std::uint64_t segment_bytes_max =
      8u << 20;  // then a new segment starts and live entries move into it
  std::uint64_t step_bytes_max = 16u << 20;  // a larger step is refused with kTooLarge
  Sync sync = Sync::kProcess;
};

// Synchronous: when a call returns ok its record has been handed to the kernel (and to the disk
// with Sync::kDisk), so it survives the death of this process. A call costs one write(2), some
// microseconds. Loop thread only. Payloads are any bytes; kinds, ids, sets and keys at most 64 KiB
// (kTooLarge). Record layout and recovery: docs/journal.md. A full disk fails the call with
// kExhausted and leaves the journal as it was.
class Journal {
 public:
  // Reads what is there. A torn last record is cut; a damaged record elsewhere is kCorrupt with the
  // offset (the file is left alone). One process at a time: kConflict otherwise.
  static Result<std::unique_ptr<Journal>> open(JournalConfig config);
  virtual ~Journal() = default;

  // Entries that were begun and not ended, of `kind`, oldest first.
  [[nodiscard]] virtual std::vector<JournalEntry> unfinished(std::string_view kind) const = 0;

  // The kinds that have such entries, sorted.
  [[nodiscard]] virtual std::vector<std::string> kinds() const = 0;

  // kExists when `id` is unfinished already.
  virtual Result<void> begin(std::string_view kind, const EntryId& id, std::string_view what) = 0;
  virtual Result<void> step(const EntryId& id,
                            std::string_view what) = 0;  // kNotFound when not begun or ended
  virtual Result<void> end(const EntryId& id) = 0;
  [[nodiscard]] virtual bool contains(const EntryId& id) const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;  // unfinished entries

  // Keys that must be remembered beyond their entry (message ids seen), newest `kept_max`; older
  // ones are forgotten.
  virtual Result<void> remember(std::string_view set, std::string_view key) = 0;
  // Known at once, but written only with the next record, in front of it, or when the journal is
  // closed: no write(2) of its own. A kill before that loses the key, so it is for keys that an
  // unfinished entry still tells (its next record takes them along) and for what begins to matter
  // with the next record only.
  virtual Result<void> remember_with_next(std::string_view set, std::string_view key) {
    return remember(set, key);
  }
  [[nodiscard]] virtual bool remembers(std::string_view set, std::string_view key) const = 0;
  // The keys of a set, oldest first.
  [[nodiscard]] virtual std::vector<std::string> remembered(std::string_view set) const = 0;
  static constexpr std::size_t kept_max = 4096;  // for each set
  static constexpr std::size_t unwritten_max =
      64;  // keys that wait for the next record; one more is written at once
  static constexpr std::size_t sets_max = 1024;  // a key of one more set is refused with kExhausted
};

}  // namespace skep::store
