// One session file and what was read from it. Private to the room.
#pragma once

#include <set>

#include "paths.h"
#include "skep/memory/memory.h"
#include "skep/store/append_file.h"

namespace skep::memory {

// A larger session takes no more entries (kExhausted) and is not read (kTooLarge): the person is
// told to start a new one. Reading this much keeps the loop for about a tenth of a second.
inline constexpr std::size_t kSessionBytesMax = 16u << 20;

class Session {
 public:
  Session(SessionPaths paths, Conversation conversation, store::Sync sync)
      : paths_(std::move(paths)), conversation_(std::move(conversation)), sync_(sync) {}

  // Reads the file again when it is not as we left it: people edit it, editors replace it.
  // Everything below speaks of the file as of the last refresh().
  Result<void> refresh();
  [[nodiscard]] bool exists() const { return stamp_.has_value(); }
  [[nodiscard]] const std::vector<TranscriptEntry>& entries() const { return entries_; }
  [[nodiscard]] std::size_t messages() const;
  // The newest entry's time; the file's when no entry has one.
  [[nodiscard]] std::optional<WallTime> last_activity() const;
  Result<void> append(std::span<const TranscriptEntry> entries, WallTime now);
  // Rewrites the file without the words of that message; gives its msg_id. kNotFound.
  Result<std::string> retract(std::string_view origin_id, std::string_view sender);
  // Moves the file away under a name that is free; returns that name.
  Result<std::string> archive(WallTime now);
  // Moves the archived file at `path` to where the active one is, which is not there, and notes
  // when: it has not been idle since.
  Result<void> take_up(const std::string& path, WallTime now);

 private:
  struct Stamp {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  [[nodiscard]] Result<std::optional<Stamp>> stamp() const;
  [[nodiscard]] bool is_repeat(const TranscriptEntry& entry) const;
  void keep(TranscriptEntry entry);
  void forget();

  SessionPaths paths_;
  Conversation conversation_;
  store::Sync sync_;
  std::optional<Stamp> stamp_;             // nullopt: no file
  std::optional<store::AppendFile> file_;  // open while there is a file
  std::vector<TranscriptEntry> entries_;   // without tools
  std::optional<WallTime> taken_up_;
  std::string taint_;            // of the tools since the last message
  std::set<std::string> calls_;  // "turn call" of the tools since the last entry
};

}  // namespace skep::memory
