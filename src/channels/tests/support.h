// A home with real stores, a clock that tests set, and an agent that only remembers what it was
// given.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "skep/async/gate.h"
#include "skep/async/pool.h"
#include "skep/async/wait.h"
#include "skep/identity/directory.h"
#include "skep/model/aside.h"
#include "skep/model/message.h"
#include "skep/store/db.h"
#include "skep/store/journal.h"

namespace skep::channels::testing {

inline constexpr std::chrono::seconds kPatience{20};  // a test that waits longer has failed

class TestClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return WallTime(Millis(millis_.load())); }
  void advance(Millis by) { millis_ += by.count(); }

 private:
  std::atomic<std::int64_t> millis_{1'700'000'000'000};
};

class TestAgent final : public Inbox {
 public:
  Result<void> deliver(Message message) override {
    if (refusal) return fail(*refusal);
    if (refuses_asides && aside_of(message)) return fail(*refuses_asides);
    return taken_.push(std::move(message));
  }
  Task<Result<Message>> next(Ctx ctx) { return taken_.pop(std::move(ctx)); }
  [[nodiscard]] std::size_t waiting() const { return taken_.size(); }

  std::optional<Error> refusal;
  std::optional<Error> refuses_asides;

 private:
  Queue<Message> taken_{1000};
};

// The reply an agent gives.
inline Message reply_to(const Message& question, std::string text) {
  Message reply;
  reply.id = MessageId(mint_ulid());
  reply.kind = Kind::kReply;
  reply.in_reply_to = question.id;
  reply.conversation = question.conversation;
  reply.reply_address = question.reply_address;
  reply.parts.emplace_back(TextPart{std::move(text)});
  return reply;
}
inline Message progress_of(const Message& question, Progress::Phase phase, std::string text = {}) {
  Message progress;
  progress.kind = Kind::kProgress;
  progress.in_reply_to = question.id;
  progress.conversation = question.conversation;
  progress.reply_address = question.reply_address;
  progress.progress = Progress{phase, std::move(text)};
  return progress;
}

class StoresTest : public ::testing::Test {
 protected:
  StoresTest() {
    std::string path = (std::filesystem::temp_directory_path() / "skep-channels-XXXXXX").string();
    home_ = ::mkdtemp(path.data());
    store::DbConfig config{.path = home_ + "/state.db"};
    db_ = run(store::Db::open(loop_, std::move(config), identity::Directory::migrations())).value();
    directory_ = run(identity::Directory::open(Ctx{}, *db_, clock_)).value();
    open_journal();
  }
  ~StoresTest() override {
    journal_.reset();
    directory_.reset();
    db_.reset();
    std::filesystem::remove_all(home_);
  }
  void open_journal() {
    journal_.reset();
    journal_ = store::Journal::open({.directory = home_ + "/journal"}).value();
  }
  template <class T>
  T run(Task<T> task) {
    return loop_.run(std::move(task));
  }
  static Ctx patience() { return Ctx{}.within(kPatience); }
  Message next_message() { return run(agent_.next(patience())).value(); }

  std::string home_;
  TestClock clock_;
  Loop loop_;
  std::unique_ptr<store::Db> db_;
  std::unique_ptr<identity::Directory> directory_;
  std::unique_ptr<store::Journal> journal_;
  TestAgent agent_;
};

}  // namespace skep::channels::testing
