#include "skep/base/id.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "skep/base/clock.h"
#include "skep/base/text.h"

namespace skep {
namespace {

void fill_random(void* to, std::size_t bytes) {
  auto* at = static_cast<std::uint8_t*>(to);
  while (bytes > 0) {
    ssize_t got = getrandom(at, bytes, 0);
    if (got < 0 && errno != EINTR)
      std::abort();  // no kernel randomness: nothing that follows could be trusted
    if (got > 0) {
      at += got;
      bytes -= static_cast<std::size_t>(got);
    }
  }
}

// Small pieces of randomness, for ids: drawn from the kernel a kilobyte at a time, because a call
// for each id costs as much as making the id. What was given out is wiped, so that nothing in
// memory tells of ids already made. Thread-safe; not for a process that forks without exec.
class RandomStock {
 public:
  void take(void* to, std::size_t bytes) {
    std::lock_guard lock(mutex_);
    if (bytes > left_) {
      fill_random(stock_.data(), stock_.size());
      left_ = stock_.size();
    }
    left_ -= bytes;
    std::memcpy(to, stock_.data() + left_, bytes);
    std::memset(stock_.data() + left_, 0, bytes);
  }

 private:
  std::mutex mutex_;
  std::array<std::uint8_t, 1024> stock_{};
  std::size_t left_ = 0;
};

RandomStock& random_stock() {
  static RandomStock stock;
  return stock;
}

// The 80 random bits of a ULID, as a number that can be counted up.
struct Tail {
  std::uint16_t high;
  std::uint64_t low;
};

struct Minted {
  std::uint64_t millis;
  Tail tail;
};

// Ascends within a millisecond and when the clock steps back.
Minted next_minted() {
  static std::mutex mutex;
  static Minted last{0, {0, 0}};
  std::lock_guard lock(mutex);
  auto now = static_cast<std::uint64_t>(Clock::system().now().time_since_epoch().count());
  if (now > last.millis) {
    last.millis = now;
    random_stock().take(&last.tail.high, sizeof last.tail.high);
    random_stock().take(&last.tail.low, sizeof last.tail.low);
    last.tail.high &= 0x7fff;  // headroom, so that counting up cannot wrap
  } else if (++last.tail.low == 0) {
    ++last.tail.high;
  }
  return last;
}

}  // namespace

Uuid Uuid::random() {
  Uuid uuid;
  random_stock().take(uuid.bytes.data(), uuid.bytes.size());
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

Result<Uuid> Uuid::parse(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool dash_here = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_here != (text[i] == '-')) return fail(Code::kInvalid, "not a UUID");
    if (!dash_here) digits.push_back(text[i]);
  }
  std::optional<std::string> raw = hex_decode(digits);
  if (text.size() != 36 || !raw) return fail(Code::kInvalid, "not a UUID");
  Uuid uuid;
  std::copy(raw->begin(), raw->end(), uuid.bytes.begin());
  return uuid;
}

std::string Uuid::str() const {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes) {
    if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
    text[at++] = kDigits[byte >> 4];
    text[at++] = kDigits[byte & 15];
  }
  return text;
}

namespace {

std::string ulid_text(Minted minted) {
  static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string text(26, '0');
  for (std::size_t i = 10; i-- > 0; minted.millis >>= 5) text[i] = kAlphabet[minted.millis & 31];
  for (std::size_t i = 26; i-- > 10;) {
    text[i] = kAlphabet[minted.tail.low & 31];
    minted.tail.low =
        (minted.tail.low >> 5) | (static_cast<std::uint64_t>(minted.tail.high & 31) << 59);
    minted.tail.high >>= 5;
  }
  return text;
}

}  // namespace

std::string mint_ulid() { return ulid_text(next_minted()); }

std::string ulid_of(WallTime time, std::string_view bytes) {
  Minted minted{static_cast<std::uint64_t>(time.time_since_epoch().count()), {0, 0}};
  std::string tail(bytes.substr(0, 10));
  tail.resize(10);
  std::memcpy(&minted.tail.high, tail.data(), 2);
  std::memcpy(&minted.tail.low, tail.data() + 2, 8);
  return ulid_text(minted);
}

std::string random_bytes(std::size_t bytes) {
  std::string out(bytes, '\0');
  fill_random(out.data(), out.size());
  return out;
}

}  // namespace skep
