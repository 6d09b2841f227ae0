#include "turn_broker.h"

#include <nats/nats.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "skep/async/wait.h"

namespace skep::fabric {

namespace {

constexpr std::int64_t kConnectMillis = 2'000, kAnswerMillis = 2'000;
// How long the broker knows a turn again by its id, in nanoseconds: a day.
constexpr std::int64_t kDuplicatesNanos = 86'400LL * 1'000'000'000;

template <class T, void (*destroy)(T*)>
struct Freed {
  T* it = nullptr;
  Freed() = default;
  Freed(const Freed&) = delete;
  Freed& operator=(const Freed&) = delete;
  ~Freed() { reset(); }
  void reset() {
    if (it != nullptr) destroy(std::exchange(it, nullptr));
  }
};

Result<void> check(natsStatus status, std::string_view what) {
  if (status == NATS_OK) return {};
  const char* detail = nats_GetLastError(nullptr);
  return fail(Code::kUnavailable,
              fmt::format("{}: {}{}{}", what, natsStatus_GetText(status),
                          detail != nullptr ? ": " : "", detail != nullptr ? detail : ""));
}

// The broker's thread alone.
class Connection {
 public:
  Connection(std::string url, Secret token) : url_(std::move(url)), token_(std::move(token)) {}

  Result<void> publish(const Turns::Turn& turn) {
    auto done = try_publish(turn);
    if (!done) drop();  // the next one begins with a new connection
    return done;
  }

 private:
  Result<void> try_publish(const Turns::Turn& turn) {
    if (stream_.it == nullptr) SKEP_TRY_VOID(connect());
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = kAnswerMillis;
    options.MsgId = turn.id.c_str();
    jsErrCode code{};
    return check(
        js_Publish(nullptr, stream_.it, std::string(TurnBroker::kSubject).c_str(),
                   turn.envelope.data(), static_cast<int>(turn.envelope.size()), &options, &code),
        "publishing a turn to " + url_);
  }

  Result<void> connect() {
    Freed<natsOptions, natsOptions_Destroy> options;
    SKEP_TRY_VOID(check(natsOptions_Create(&options.it), "preparing a connection"));
    natsOptions_SetURL(options.it, url_.c_str());
    natsOptions_SetTimeout(options.it, kConnectMillis);
    natsOptions_SetAllowReconnect(options.it, false);
    natsOptions_SetNoEcho(options.it, true);
    if (!token_.empty()) natsOptions_SetToken(options.it, std::string(token_.reveal()).c_str());
    SKEP_TRY_VOID(
        check(natsConnection_Connect(&connection_.it, options.it), "connecting to " + url_));
    SKEP_TRY_VOID(check(natsConnection_JetStream(&stream_.it, connection_.it, nullptr),
                        "preparing JetStream"));
    return make_stream();
  }

  Result<void> make_stream() {
    const std::string name(TurnBroker::kStream), subject(TurnBroker::kSubject);
    const char* subjects[] = {subject.c_str()};
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = name.c_str();
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Duplicates = kDuplicatesNanos;
    jsErrCode code{};
    const natsStatus status = js_AddStream(nullptr, stream_.it, &config, nullptr, &code);
    if (code == JSStreamNameExistErr) return {};  // made by hand, or by another version: it holds
    return check(status, "making the stream TURNS at " + url_);
  }

  void drop() {
    stream_.reset();
    connection_.reset();
  }

  std::string url_;
  Secret token_;
  Freed<natsConnection, natsConnection_Destroy> connection_;
  Freed<jsCtx, jsCtx_Destroy> stream_;
};

struct Job {
  Turns::Turn turn;
  std::optional<Result<void>> result;  // loop thread
  Signal done;
};

class Threaded final : public TurnBroker {
 public:
  Threaded(Loop& loop, std::string url, Secret token)
      : loop_(loop), connection_(std::move(url), std::move(token)) {
    thread_ = std::thread([this] { work(); });
  }
  ~Threaded() override {
    {
      std::scoped_lock lock(changing_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  Task<Result<void>> publish(Ctx ctx, Turns::Turn turn) override {
    auto job = std::make_shared<Job>();
    job->turn = std::move(turn);
    {
      std::scoped_lock lock(changing_);
      job_ = job;
    }
    changed_.notify_one();
    while (!job->result) SKEP_CO_TRY_VOID(co_await job->done.wait(ctx));
    co_return *job->result;
  }

 private:
  void work() {
    std::unique_lock lock(changing_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || job_ != nullptr; });
      if (stopping_) return;
      const std::shared_ptr<Job> job = std::exchange(job_, nullptr);
      lock.unlock();
      Result<void> result = connection_.publish(job->turn);
      loop_.post([job, result = std::move(result)] {
        job->result = result;
        job->done.notify_all();
      });
      lock.lock();
    }
  }

  Loop& loop_;
  Connection connection_;
  std::mutex changing_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::shared_ptr<Job> job_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<TurnBroker> TurnBroker::start(Loop& loop, std::string url, Secret token) {
  return std::make_unique<Threaded>(loop, std::move(url), std::move(token));
}

}  // namespace skep::fabric
