// The rings of shared memory, with the other side writing what it likes into the shared words and
// bytes in between: what is handed out always lies inside the ring, and honest bytes come out as
// they went in.
#include <cstdlib>
#include <cstring>
#include <deque>

#include "shared_ring.h"

namespace {

using namespace skep::fabric;

constexpr std::size_t kBytes = 64;
struct Ring {
  RingWords words{};
  char data[2 * kBytes] = {};  // the halves are not the same memory here: only places are looked at
};

void expect_inside(const Ring& ring, const char* at, std::size_t bytes) {
  if (bytes > kBytes || at < ring.data || at + bytes > ring.data + sizeof ring.data) std::abort();
}

// The middle of the ring is mapped twice in earnest; here it is copied.
void mirror(Ring& ring, const char* at, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto place = static_cast<std::size_t>(at + i - ring.data);
    ring.data[(place + kBytes) % (2 * kBytes)] = at[i];
  }
}

void hostile(const std::uint8_t* data, std::size_t size) {
  Ring ring;
  RingWriter writer(ring.words, ring.data, kBytes);
  RingReader reader(ring.words, ring.data, kBytes);
  for (std::size_t i = 0; i + 9 <= size; i += 9) {
    std::uint64_t value = 0;
    std::memcpy(&value, data + i + 1, sizeof value);
    switch (data[i] % 8) {
      case 0:
        ring.words.head.store(value);
        break;
      case 1:
        ring.words.tail.store(value);
        break;
      case 2:
        ring.words.head.fetch_add(value % 100);
        break;
      case 3:
        ring.words.reader_sleeps.store(static_cast<std::uint32_t>(value));
        ring.words.writer_waits.store(static_cast<std::uint32_t>(value >> 32));
        break;
      case 4:
      case 5: {
        const auto space = writer.space();
        if (!space) return;
        expect_inside(ring, space->data(), space->size());
        writer.fill(std::min<std::size_t>(space->size(), value % (kBytes + 1)));
        if (!writer.publish()) (void)writer.await_space();
        break;
      }
      default: {
        const auto ready = reader.ready();
        if (!ready) return;
        expect_inside(ring, ready->data(), ready->size());
        (void)reader.consume(std::min<std::size_t>(ready->size(), value % (kBytes + 1)));
        (void)reader.sleep();
        break;
      }
    }
  }
}

void honest(const std::uint8_t* data, std::size_t size) {
  Ring ring;
  RingWriter writer(ring.words, ring.data, kBytes);
  RingReader reader(ring.words, ring.data, kBytes);
  std::deque<char> under_way;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t wanted = data[i] >> 1;
    if ((data[i] & 1) != 0) {
      const auto space = writer.space();
      if (!space || space->size() != kBytes - under_way.size()) std::abort();
      const std::size_t bytes = std::min(space->size(), wanted);
      for (std::size_t j = 0; j < bytes; ++j) {
        (*space)[j] = static_cast<char>(data[(i + j) % size]);
        under_way.push_back((*space)[j]);
      }
      mirror(ring, space->data(), bytes);
      writer.fill(bytes);
      (void)writer.publish();
    } else {
      const auto ready = reader.ready();
      if (!ready || ready->size() != under_way.size()) std::abort();
      const std::size_t bytes = std::min(ready->size(), wanted);
      for (std::size_t j = 0; j < bytes; ++j, under_way.pop_front()) {
        if ((*ready)[j] != under_way.front()) std::abort();
      }
      (void)reader.consume(bytes);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hostile(data, size);
  honest(data, size);
  return 0;
}
