#include "skep/fabric/turns.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <unordered_set>

#include "owned_fd.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "turn_broker.h"
#include "turn_files.h"

namespace skep::fabric {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kIdsKept = 65'536, kIdBytesMax = 256, kNameBytesMax = 64;
constexpr milliseconds kRetryMin{1'000}, kRetryMax{30'000}, kBrokerRetryMin{100},
    kBrokerRetryMax{2'000};
constexpr std::string_view kBrokerName = "broker.publish";
constexpr std::string_view kSuffix = ".next";

bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         std::ranges::all_of(name, allowed);
}

// The last ids, so that one that comes again is known.
class LastIds {
 public:
  bool add(const std::string& id) {  // false: known
    if (!known_.insert(id).second) return false;
    order_.push_back(id);
    if (order_.size() > kIdsKept) {
      known_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }
  [[nodiscard]] bool contains(const std::string& id) const { return known_.contains(id); }

 private:
  std::unordered_set<std::string> known_;
  std::deque<std::string> order_;
};

// Where a consumer stands, in a file that is written in place: one small pwrite a turn.
class Position {
 public:
  static Result<Position> open(const std::string& path) {
    Position position;
    position.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (position.fd_ < 0) return fail(errno_error("opening " + path, errno));
    char text[24] = {};
    if (::pread(position.fd_, text, sizeof text - 1, 0) < 0)
      return fail(errno_error("reading " + path, errno));
    const std::string_view digits(text);
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), position.next_);
    return position;
  }
  Position(Position&& other) noexcept : fd_(std::exchange(other.fd_, -1)), next_(other.next_) {}
  Position& operator=(Position&&) = delete;
  ~Position() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] std::uint64_t next() const { return next_; }  // 0: none yet
  Result<void> set(std::uint64_t next, store::Sync sync) {
    next_ = next;
    const std::string text = fmt::format("{:020}\n", next);
    const bool kept = ::pwrite(fd_, text.data(), text.size(), 0) == ssize_t(text.size());
    if (!kept || (sync == store::Sync::kDisk && ::fdatasync(fd_) != 0))
      return fail(errno_error("keeping a consumer's position", errno));
    return {};
  }

 private:
  Position() = default;
  int fd_ = -1;
  std::uint64_t next_ = 0;
};

// Two processes would cut each other's last line.
Result<OwnedFd> lock_directory(const std::string& directory) {
  SKEP_TRY_VOID(store::make_directories(directory));
  const std::string path = directory + "/lock";
  OwnedFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return fail(errno_error("opening " + path, errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return fail(Code::kConflict, fmt::format("another process keeps turns in {}", directory));
}

class LocalTurns;

class LocalConsumer final : public Turns::Consumer {
 public:
  LocalConsumer(LocalTurns& turns, Loop& loop, std::string name, Turns::Handle handle,
                std::uint64_t next, milliseconds retry_min, milliseconds retry_max);
  ~LocalConsumer() override;
  Task<void> close() override { return gate_.close(); }
  void start();

 private:
  Task<void> run();
  Task<bool> hand_over(const Turns::Turn& turn);  // false: closing

  LocalTurns& turns_;
  std::string name_;
  Turns::Handle handle_;
  TurnFiles::Reader reader_;
  milliseconds retry_min_, retry_max_;
  Gate gate_;
};

class LocalTurns final : public Turns {
 public:
  LocalTurns(Loop& loop, TurnsConfig config, OwnedFd lock, TurnFiles files)
      : loop_(loop), config_(std::move(config)), lock_(std::move(lock)), files_(std::move(files)) {}

  Result<void> begin();
  Result<void> append(Turn turn) override;
  Result<std::unique_ptr<Consumer>> consume(std::string name, Handle handle) override;
  Task<void> close(Ctx ctx) override;
  [[nodiscard]] TurnsStatus status() const override;

 private:
  friend class LocalConsumer;
  [[nodiscard]] std::string position_path(std::string_view name) const {
    return fmt::format("{}/{}{}", config_.directory, name, kSuffix);
  }
  Result<void> read_positions();
  Result<Position*> position_of(const std::string& name);
  Result<std::unique_ptr<LocalConsumer>> make_consumer(std::string name, Handle handle,
                                                       milliseconds least, milliseconds most);
  Result<void> start_broker();
  Task<Result<void>> to_broker(Turn turn);
  void taken(const std::string& name, std::uint64_t next);
  void failed(const Error& error) { status_.last_error = error.message; }
  void count_overflow();

  Loop& loop_;
  TurnsConfig config_;
  OwnedFd lock_;
  TurnFiles files_;
  LastIds ids_;
  std::map<std::string, Position> positions_;  // the next turn of each consumer there ever was
  std::unordered_set<std::string> active_;
  Signal more_;
  TurnsStatus status_;
  std::unique_ptr<TurnBroker> broker_;
  std::unique_ptr<LocalConsumer> publisher_;
  std::stop_source stopping_;
};

LocalConsumer::LocalConsumer(LocalTurns& turns, Loop& loop, std::string name, Turns::Handle handle,
                             std::uint64_t next, milliseconds retry_min, milliseconds retry_max)
    : turns_(turns),
      name_(std::move(name)),
      handle_(std::move(handle)),
      reader_(turns.files_, next),
      retry_min_(retry_min),
      retry_max_(retry_max),
      gate_(loop) {
  turns_.active_.insert(name_);
}

LocalConsumer::~LocalConsumer() { turns_.active_.erase(name_); }

void LocalConsumer::start() { gate_.spawn("turns to " + name_, run()); }

Task<void> LocalConsumer::run() {
  const Ctx ctx = gate_.ctx();
  while (!ctx.stop.stop_requested()) {
    auto turn = reader_.read();
    if (!turn) {
      turns_.failed(turn.error());
      log::warn("fabric", "turns to {}: {}", name_, turn.error().message);
      if (turn.error().code == Code::kCorrupt) continue;  // passed over
      if (!co_await sleep_for(ctx, retry_min_)) co_return;
      continue;
    }
    if (!*turn) {
      if (!co_await turns_.more_.wait(ctx)) co_return;
      continue;
    }
    if (!co_await hand_over(**turn)) co_return;
    turns_.taken(name_, reader_.next());
  }
}

Task<bool> LocalConsumer::hand_over(const Turns::Turn& turn) {
  const Ctx ctx = gate_.ctx();
  for (milliseconds pause = retry_min_;; pause = std::min(2 * pause, retry_max_)) {
    const Result<void> kept = co_await handle_(turn);
    if (kept) co_return true;
    if (ctx.stop.stop_requested()) co_return false;
    ++turns_.status_.redelivered;
    turns_.failed(kept.error());
    if (!co_await sleep_for(ctx, pause)) co_return false;
  }
}

Result<void> LocalTurns::begin() {
  for (const std::string& id : files_.newest_ids(kIdsKept)) ids_.add(id);
  SKEP_TRY_VOID(read_positions());
  return config_.url.empty() ? Result<void>() : start_broker();
}

// One that is damaged, or new, begins with the oldest turn there is.
Result<Position*> LocalTurns::position_of(const std::string& name) {
  auto known = positions_.find(name);
  if (known == positions_.end()) {
    SKEP_TRY(Position position, Position::open(position_path(name)));
    known = positions_.emplace(name, std::move(position)).first;
  }
  Position& position = known->second;
  if (position.next() < files_.first() || position.next() > files_.last() + 1)
    SKEP_TRY_VOID(position.set(files_.first(), config_.sync));
  return &position;
}

Result<void> LocalTurns::read_positions() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(config_.directory, error)) {
    if (entry.path().extension() != kSuffix) continue;
    SKEP_TRY_VOID(position_of(entry.path().stem()));
  }
  if (error) return fail(errno_error("reading " + config_.directory, error.value()));
  return {};
}

Result<void> LocalTurns::start_broker() {
  broker_ = TurnBroker::start(loop_, config_.url, config_.token);
  auto publish = [this](const Turn& turn) { return to_broker(turn); };
  SKEP_TRY(publisher_,
           make_consumer(std::string(kBrokerName), publish, kBrokerRetryMin, kBrokerRetryMax));
  return {};
}

Task<Result<void>> LocalTurns::to_broker(Turn turn) {
  const Ctx ctx = Ctx{}.with_stop(stopping_.get_token());
  Result<void> published = co_await broker_->publish(ctx, std::move(turn));
  status_.broker_up = published.has_value();
  if (published) ++status_.published;
  co_return published;
}

Result<void> LocalTurns::append(Turn turn) {
  if (turn.id.empty() || turn.id.size() > kIdBytesMax ||
      turn.id.find_first_of("\r\n") != turn.id.npos)
    return fail(Code::kInvalid, "a turn's id is 1 to 256 bytes without line breaks");
  if (!is_valid_utf8(turn.id) || !is_valid_utf8(turn.envelope))
    return fail(Code::kInvalid, "a turn that is no UTF-8");
  if (ids_.contains(turn.id)) return {};
  if (auto kept = files_.append(turn); !kept) {
    ++status_.refused;
    failed(kept.error());
    return fail(std::move(kept).error());
  }
  ids_.add(turn.id);
  if (!broker_) ++status_.published;
  count_overflow();
  more_.notify_all();
  return {};
}

void LocalTurns::count_overflow() {
  for (const auto& [name, position] : positions_) {
    const std::uint64_t waiting = files_.last() + 1 - position.next();
    if (waiting <= config_.unacknowledged_max) continue;
    ++status_.overflowed;
    status_.last_error = fmt::format("{} turns wait for \"{}\", more than {}; none is dropped",
                                     waiting, name, config_.unacknowledged_max);
  }
}

Result<std::unique_ptr<LocalConsumer>> LocalTurns::make_consumer(std::string name, Handle handle,
                                                                 milliseconds least,
                                                                 milliseconds most) {
  SKEP_TRY(const Position* position, position_of(name));
  auto consumer = std::make_unique<LocalConsumer>(*this, loop_, std::move(name), std::move(handle),
                                                  position->next(), least, most);
  consumer->start();
  return consumer;
}

Result<std::unique_ptr<Turns::Consumer>> LocalTurns::consume(std::string name, Handle handle) {
  if (!is_name(name) || name == kBrokerName)
    return fail(Code::kInvalid, fmt::format("\"{}\" is no name for a consumer: 1 to 64 of a-z 0-9 "
                                            ". - _",
                                            name));
  if (active_.contains(name))
    return fail(Code::kExists, fmt::format("\"{}\" consumes already", name));
  return make_consumer(std::move(name), std::move(handle), kRetryMin, kRetryMax);
}

// A kill before this is on the disk hands the turn out again.
void LocalTurns::taken(const std::string& name, std::uint64_t next) {
  auto kept = positions_.at(name).set(next, config_.sync);
  if (!kept) failed(kept.error());
  std::uint64_t least = next;
  for (const auto& [other, position] : positions_) least = std::min(least, position.next());
  files_.forget_below(least);
}

Task<void> LocalTurns::close(Ctx) {
  stopping_.request_stop();
  if (publisher_) co_await publisher_->close();
  publisher_.reset();
  broker_.reset();
}

TurnsStatus LocalTurns::status() const {
  TurnsStatus now = status_;
  const auto sent = positions_.find(std::string(kBrokerName));
  if (broker_ && sent != positions_.end()) now.spooled = files_.last() + 1 - sent->second.next();
  return now;
}

}  // namespace

Result<std::unique_ptr<Turns>> Turns::open(Loop& loop, TurnsConfig config) {
  if (config.directory.empty()) return fail(Code::kInvalid, "turns need a directory");
  SKEP_TRY(OwnedFd lock, lock_directory(config.directory));
  SKEP_TRY(TurnFiles files, TurnFiles::open(config.directory, config.bytes_max, config.sync));
  auto turns =
      std::make_unique<LocalTurns>(loop, std::move(config), std::move(lock), std::move(files));
  SKEP_TRY_VOID(turns->begin());
  return turns;
}

}  // namespace skep::fabric
