// Turns in files: segments of lines, numbered from 1 on without gaps, deleted when every consumer
// is past them.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "skep/fabric/turns.h"

namespace skep::fabric {

// Loop thread only.
class TurnFiles {
 public:
  static constexpr std::uint64_t kSegmentBytes = 4u << 20;
  static constexpr std::size_t kTurnBytesMax = 1u << 20;

  // Cuts a torn last line.
  static Result<TurnFiles> open(std::string directory, std::uint64_t bytes_max, store::Sync sync);
  // Its number. kExhausted over bytes_max, kTooLarge.
  Result<std::uint64_t> append(const Turns::Turn& turn);
  [[nodiscard]] std::uint64_t last() const { return next_ - 1; }  // the newest number; 0: none yet
  [[nodiscard]] std::uint64_t first() const;                      // the oldest that is still there
  // Deletes whole segments below `number`, never the one that is written.
  void forget_below(std::uint64_t number);
  // The newest turns' ids, oldest first, at most `count`.
  [[nodiscard]] std::vector<std::string> newest_ids(std::size_t count) const;

  // Reads on from a number; one for each consumer.
  class Reader {
   public:
    Reader(const TurnFiles& files, std::uint64_t next) : files_(files), next_(next) {}
    // The next turn; nullopt when there is none yet. A damaged line is passed over (kCorrupt once).
    Result<std::optional<Turns::Turn>> read();
    [[nodiscard]] std::uint64_t next() const { return next_; }

   private:
    Result<void> refill();
    const TurnFiles& files_;
    std::uint64_t next_;
    std::uint64_t segment_ = 0, offset_ = 0;  // where `ahead_` begins
    std::string ahead_;
    std::size_t at_ = 0;
  };

 private:
  struct Segment {
    std::uint64_t first = 0, bytes = 0;
  };
  TurnFiles(std::string directory, std::uint64_t bytes_max, store::Sync sync)
      : directory_(std::move(directory)), bytes_max_(bytes_max), sync_(sync) {}
  [[nodiscard]] std::string path_of(std::uint64_t first) const;
  Result<void> begin_segment();

  std::string directory_;
  std::uint64_t bytes_max_;
  store::Sync sync_;
  std::deque<Segment> segments_;  // the last one is written
  std::optional<store::AppendFile> file_;
  std::uint64_t next_ = 1, bytes_ = 0;
};

}  // namespace skep::fabric
