// The bytes of one journal segment, without any file: what docs/journal.md describes. Private to
// the room; the fuzz target drives it too.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "skep/store/journal.h"

namespace skep::store {

constexpr std::size_t kSegmentHeaderBytes = 24;
constexpr std::size_t kRecordHeaderBytes = 8;

enum class RecordType : std::uint8_t { kBegin = 1, kStep = 2, kEnd = 3, kRemember = 4 };

// Fields as views into the segment (or the caller's arguments). Unused ones are empty.
struct Record {
  RecordType type = RecordType::kBegin;
  std::string_view name;  // kBegin: kind; kRemember: set
  std::string_view key;   // the entry's id; kRemember: the key
  std::string_view what;  // kBegin, kStep
};

// The salt is drawn for each segment and seeds every checksum together with the record's offset:
// bytes that look like a record inside somebody's payload, or left over from an older segment,
// never check out.
std::string segment_header(std::uint64_t salt);
// Appends the record, which will lie at `offset` of its segment, to `into`.
void append_record(std::string& into, std::uint64_t salt, std::uint64_t offset,
                   const Record& record);

// Everything a journal knows, as its records tell it.
class JournalState {
 public:
  // kCorrupt when the record contradicts what came before (a step of an entry that was never
  // begun).
  Result<void> apply(const Record& record);

  struct Entry {
    std::string kind;
    std::string id;
    std::vector<std::string> steps;
  };
  struct Keys {
    std::deque<std::string> order;  // oldest first
    std::unordered_set<std::string> known;
  };
  [[nodiscard]] const std::map<std::uint64_t, Entry>& entries() const { return entries_; }
  [[nodiscard]] const std::map<std::string, Keys, std::less<>>& sets() const { return sets_; }
  [[nodiscard]] bool contains(std::string_view id) const;
  [[nodiscard]] bool remembers(std::string_view set, std::string_view key) const;

 private:
  Result<void> begin(const Record& record);
  void remember(const Record& record);

  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Entry> entries_;  // by order of begin()
  std::unordered_map<std::string, std::uint64_t> by_id_;
  std::map<std::string, Keys, std::less<>> sets_;
};

struct Recovered {
  JournalState state;
  std::uint64_t salt = 0;
  std::uint64_t whole_bytes =
      0;  // the rest is a torn tail, to be cut off; 0: even the header is torn
};

// Reads a segment. kCorrupt with the offset when a damaged record has valid ones behind it, or the
// header is not ours.
Result<Recovered> recover_segment(std::string_view bytes);

}  // namespace skep::store
