#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <list>

#include "skep/base/clock.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/fabric/turns.h"

namespace skep::fabric {

namespace {

constexpr std::uint64_t kBlock = 1u << 20;  // numbers; below 2^53 for 2^33 blocks, as JSON needs

std::string block_text(std::uint64_t block) {
  const std::string number = fmt::format("{}", block);
  return fmt::format("{} {}\n", number, hex_encode(sha256(number)).substr(0, 8));
}

// The first block nobody took yet.
Result<std::uint64_t> read_block(const std::string& path) {
  auto text = store::read_file(path, 4'096);
  if (!text && text.error().code == Code::kNotFound) return 0;
  if (!text) return fail(std::move(text).error());
  std::uint64_t block = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), block);
  if (read.ec == std::errc() && *text == block_text(block)) return block;
  // One a second at most were taken since 1970: above all of them.
  const auto now = Clock::system().now().time_since_epoch();
  block = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  log::warn("fabric", "{} is damaged: message numbers continue at block {}", path, block);
  return block;
}

// Held by one process while it raises the counter.
class Lock {
 public:
  static Result<Lock> take(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail(errno_error("opening " + path, errno));
    Lock lock(fd);
    int locked = 0;
    do {
      locked = ::flock(fd, LOCK_EX);
    } while (locked != 0 && errno == EINTR);
    if (locked != 0) return fail(errno_error("locking " + path, errno));
    return lock;
  }
  Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Lock& operator=(Lock&&) = delete;
  ~Lock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

class Counters final : public ThreadSeq {
 public:
  explicit Counters(std::string path) : path_(std::move(path)) {}

  Result<void> claim() {
    SKEP_TRY(const Lock lock, Lock::take(path_ + ".lock"));
    SKEP_TRY(const std::uint64_t block, read_block(path_));
    SKEP_TRY_VOID(store::write_file(path_, block_text(block + 1), store::Sync::kDisk));
    floor_ = block * kBlock;
    return {};
  }

  Result<std::uint64_t> next(std::string_view thread_id) override {
    const auto known = last_.find(thread_id);
    if (known == last_.end()) return first(thread_id);
    Counter& counter = *known->second;
    if ((counter.last + 1) % kBlock == 0) {
      SKEP_TRY_VOID(claim());
      counter.last = floor_;
    }
    recent_.splice(recent_.end(), recent_, known->second);
    return ++counter.last;
  }

 private:
  struct Counter {
    std::string thread;
    std::uint64_t last;
  };

  // Of a thread that is new, or was forgotten: numbers given to those lie below the block that was
  // claimed after.
  Result<std::uint64_t> first(std::string_view thread_id) {
    if (last_.size() >= threads_max) {
      SKEP_TRY_VOID(claim());
      while (last_.size() > threads_max / 2) {
        last_.erase(recent_.front().thread);
        recent_.pop_front();
      }
    }
    recent_.push_back({std::string(thread_id), floor_ + 1});
    last_.emplace(recent_.back().thread, std::prev(recent_.end()));
    return floor_ + 1;
  }

  std::string path_;
  std::uint64_t floor_ = 0;    // of the block claimed last
  std::list<Counter> recent_;  // the one used last at the end
  std::unordered_map<std::string_view, std::list<Counter>::iterator> last_;  // keys: of recent_
};

}  // namespace

Result<std::unique_ptr<ThreadSeq>> ThreadSeq::open(const std::string& path) {
  if (const auto slash = path.rfind('/'); slash != std::string::npos && slash > 0)
    SKEP_TRY_VOID(store::make_directories(path.substr(0, slash)));
  auto counters = std::make_unique<Counters>(path);
  SKEP_TRY_VOID(counters->claim());
  return counters;
}

}  // namespace skep::fabric
