// A byte pipe in memory that two processes share: one writes, one reads. The other side is not
// trusted: it may write anything anywhere into the memory at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "skep/base/result.h"

namespace skep::fabric {

// What the two sides tell each other. Positions count bytes since the beginning and wrap around
// after 2^64. Each word has one writer, but for the two flags, which either side takes down.
struct RingWords {
  alignas(64) std::atomic<std::uint64_t> head;  // the writer's: so much is there
  alignas(64) std::atomic<std::uint64_t> tail;  // the reader's: so much is used up
  alignas(64) std::atomic<std::uint32_t> reader_sleeps;
  std::atomic<std::uint32_t> writer_waits;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free);

// Copies into a ring that another processor reads: past the caches, for a line that lies in the
// other's must not be fetched from there first (4 KiB in 150 ns instead of 1,500). What is small,
// or read on this very processor, is better left to memcpy.
void copy_across(char* to, const char* from, std::size_t bytes);
inline constexpr std::size_t kAcrossBytesMin = 4'096;

// Both sides keep their own position in their own memory and never believe what the shared words
// say of it. `data` has 2 * `bytes`, the second half the same memory as the first: whatever lies in
// the ring lies there in one piece. `bytes` is a power of two. Not thread-safe.
class RingWriter {
 public:
  RingWriter(RingWords& words, char* data, std::size_t bytes)
      : words_(&words), data_(data), bytes_(bytes) {}

  // Where to write next, all that is free. kCorrupt: the reader says what cannot be.
  Result<std::span<char>> space();
  // The first `bytes` of space() are written; nobody sees them before publish().
  void fill(std::size_t bytes) { head_ += bytes; }
  // Shows what was filled. True: the reader sleeps, and is to be woken.
  [[nodiscard]] bool publish();
  // To be woken when something was read. False: something was already, so look again.
  [[nodiscard]] bool await_space();

 private:
  RingWords* words_;
  char* data_;
  std::uint64_t bytes_, head_ = 0, tail_ = 0;
};

class RingReader {
 public:
  RingReader(RingWords& words, const char* data, std::size_t bytes)
      : words_(&words), data_(data), bytes_(bytes) {}

  // What is there. The writer may change it at any time: copy it out, then look at the copy.
  // kCorrupt: the writer says what cannot be.
  Result<std::span<const char>> ready();
  // True: the writer waits for room, and is to be woken.
  [[nodiscard]] bool consume(std::size_t bytes);
  // Something came since ready() was asked last.
  [[nodiscard]] bool has_news() const {
    return words_->head.load(std::memory_order_acquire) != head_;
  }
  // To be woken when something comes. False: something came already, so look again.
  [[nodiscard]] bool sleep();
  void stay_awake() { words_->reader_sleeps.store(0, std::memory_order_relaxed); }

 private:
  RingWords* words_;
  const char* data_;
  std::uint64_t bytes_, head_ = 0, tail_ = 0;
};

}  // namespace skep::fabric
