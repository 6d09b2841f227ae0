#include "shared_ring.h"

#include <algorithm>
#include <cstring>

namespace skep::fabric {
namespace {

// The other side's flag, after what this side did was made visible: one of the two sees the other.
bool takes_down(std::atomic<std::uint32_t>& flag) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return flag.load(std::memory_order_relaxed) != 0 &&
         flag.exchange(0, std::memory_order_acq_rel) != 0;
}

void puts_up(std::atomic<std::uint32_t>& flag) {
  flag.store(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace

#ifdef __x86_64__
void copy_across(char* to, const char* from, std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  using Part = long long __attribute__((ext_vector_type(2)));
  const std::size_t before = std::min(bytes, -reinterpret_cast<std::uintptr_t>(to) % kLine);
  std::memcpy(to, from, before);
  std::size_t at = before;
  for (; bytes - at >= kLine; at += kLine) {
    Part parts[kLine / sizeof(Part)];
    std::memcpy(parts, from + at, kLine);
    for (std::size_t i = 0; i < std::size(parts); ++i)
      __builtin_nontemporal_store(parts[i], reinterpret_cast<Part*>(to + at) + i);
  }
  std::memcpy(to + at, from + at, bytes - at);
  __builtin_ia32_sfence();  // such stores are in no order of themselves
}
#else
void copy_across(char* to, const char* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
#endif

Result<std::span<char>> RingWriter::space() {
  const std::uint64_t tail = words_->tail.load(std::memory_order_acquire);
  if (tail - tail_ > head_ - tail_)  // behind where it was, or ahead of what was written
    return fail(Code::kCorrupt, "the reader of the shared memory is where it cannot be");
  tail_ = tail;
  return std::span(data_ + (head_ & (bytes_ - 1)), bytes_ - (head_ - tail_));
}

bool RingWriter::publish() {
  words_->head.store(head_, std::memory_order_release);
  return takes_down(words_->reader_sleeps);
}

bool RingWriter::await_space() {
  puts_up(words_->writer_waits);
  return words_->tail.load(std::memory_order_acquire) == tail_;
}

Result<std::span<const char>> RingReader::ready() {
  const std::uint64_t head = words_->head.load(std::memory_order_acquire);
  if (head - tail_ > bytes_ || head - tail_ < head_ - tail_)  // more than fits, or less than before
    return fail(Code::kCorrupt, "the writer of the shared memory is where it cannot be");
  head_ = head;
  return std::span(data_ + (tail_ & (bytes_ - 1)), static_cast<std::size_t>(head_ - tail_));
}

// A writer is not woken for every little bit of room: waking costs as much as many messages. What a
// reader leaves in a ring is less than a longest frame, so it comes to this in the end.
bool RingReader::consume(std::size_t bytes) {
  tail_ += bytes;
  words_->tail.store(tail_, std::memory_order_release);
  return head_ - tail_ <= bytes_ / 4 && takes_down(words_->writer_waits);
}

bool RingReader::sleep() {
  puts_up(words_->reader_sleeps);
  return !has_news();
}

}  // namespace skep::fabric
