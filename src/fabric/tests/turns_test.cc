#include "skep/fabric/turns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <nats/nats.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "skep/async/wait.h"

namespace skep::fabric {
namespace {

using namespace std::chrono_literals;

struct Directory {
  Directory() {
    char text[] = "/tmp/skep-turns-XXXXXX";
    path = ::mkdtemp(text);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

// Waits on the loop for a condition; a failed test after a minute.
Task<void> until(std::function<bool()> condition) {
  for (int i = 0; i < 6'000 && !condition(); ++i) (void)co_await sleep_for({}, 10ms);
  EXPECT_TRUE(condition());
}

class TurnsTest : public testing::Test {
 protected:
  TurnsTest() { config.directory = directory.path + "/turns"; }
  ~TurnsTest() override { stop(); }
  void start() { turns = *Turns::open(loop, config); }
  void stop() {
    if (turns) loop.run(turns->close({}));
    turns.reset();
  }
  void append(int from, int to) {
    for (int i = from; i < to; ++i)
      ASSERT_TRUE(turns->append({fmt::format("id-{}", i), fmt::format(R"({{"n":{}}})", i)}));
  }
  // Handles up to `count` turns with a consumer of that name.
  std::vector<std::string> consume(const std::string& name, std::size_t count) {
    std::vector<std::string> got;
    auto handle = [&got](const Turns::Turn& turn) { return keep(&got, turn); };
    auto consumer = *turns->consume(name, handle);
    loop.run(until([&] { return got.size() >= count; }));
    loop.run(consumer->close());
    return got;
  }
  static Task<Result<void>> keep(std::vector<std::string>* into, Turns::Turn turn) {
    into->push_back(turn.id);
    co_return Result<void>();
  }
  static std::vector<std::string> ids(int from, int to) {
    std::vector<std::string> all;
    for (int i = from; i < to; ++i) all.push_back(fmt::format("id-{}", i));
    return all;
  }

  Loop loop;
  Directory directory;
  TurnsConfig config;
  std::unique_ptr<Turns> turns;
};

TEST_F(TurnsTest, AConsumerGetsEachTurnInOrderAndGoesOnAfterARestart) {
  start();
  append(0, 10);
  EXPECT_EQ(consume("storage", 10), ids(0, 10));
  append(10, 15);
  stop();
  start();
  append(15, 20);
  EXPECT_EQ(consume("storage", 10), ids(10, 20));
  EXPECT_EQ(consume("cognition", 20), ids(0, 20));
}

TEST_F(TurnsTest, AnIdIsOneTurnAlsoAfterARestart) {
  start();
  append(0, 3);
  append(0, 3);
  stop();
  start();
  append(0, 4);
  EXPECT_EQ(consume("storage", 4), ids(0, 4));
}

TEST_F(TurnsTest, AConsumerThatFailsTwiceGetsTheTurnAgainInOrder) {  // scenario 46
  start();
  append(0, 3);
  struct State {
    int failures = 2;
    std::vector<std::string> kept;
  } state;
  auto handle = [&state](const Turns::Turn& turn) {
    return [](State* s, Turns::Turn t) -> Task<Result<void>> {
      if (t.id == "id-1" && s->failures-- > 0)
        co_return fail(Code::kUnavailable, "the database is away");
      s->kept.push_back(t.id);
      co_return Result<void>();
    }(&state, turn);
  };
  auto consumer = *turns->consume("storage", handle);
  loop.run(until([&] { return state.kept.size() == 3; }));
  loop.run(consumer->close());
  EXPECT_EQ(state.kept, ids(0, 3));
  EXPECT_EQ(turns->status().redelivered, 2u);
  EXPECT_EQ(turns->status().last_error, "the database is away");
}

TEST_F(TurnsTest, TooManyUnacknowledgedTurnsAreAnErrorThatShowsAndNoneIsLost) {  // scenario 46
  start();
  auto never = [](const Turns::Turn&) -> Task<Result<void>> {
    co_return fail(Code::kUnavailable, "not now");
  };
  auto consumer = *turns->consume("storage", never);
  append(0, 50'000);
  EXPECT_EQ(turns->status().overflowed, 0u);
  append(50'000, 50'001);
  EXPECT_EQ(turns->status().overflowed, 1u);
  EXPECT_TRUE(turns->status().last_error.contains("50001 turns wait for \"storage\""));
  loop.run(consumer->close());
  consumer.reset();
  EXPECT_EQ(consume("storage", 50'001), ids(0, 50'001));
}

TEST_F(TurnsTest, AFullDirectoryRefusesAndIsFreeAgainWhenTurnsAreTaken) {
  config.bytes_max = 12u << 20;
  start();
  const std::string large(900'000, 'x');
  int kept = 0;
  while (turns->append({fmt::format("id-{}", kept), large})) ++kept;
  EXPECT_EQ(turns->append({"more", large}).error().code, Code::kExhausted);
  EXPECT_EQ(turns->status().refused, 2u);
  EXPECT_EQ(consume("storage", static_cast<std::size_t>(kept)), ids(0, kept));
  EXPECT_TRUE(turns->append({"more", large}));
}

TEST_F(TurnsTest, RefusesWhatItCouldNotGiveBack) {
  start();
  EXPECT_EQ(turns->append({"", "{}"}).error().code, Code::kInvalid);
  EXPECT_EQ(turns->append({"a\nb", "{}"}).error().code, Code::kInvalid);
  EXPECT_EQ(turns->append({"a", "\xff"}).error().code, Code::kInvalid);
  EXPECT_EQ(turns->append({"a", std::string(2u << 20, 'x')}).error().code, Code::kTooLarge);
  EXPECT_FALSE(turns->consume("../x", {}));
  EXPECT_FALSE(turns->consume("broker.publish", {}));
}

TEST_F(TurnsTest, ATornLastLineIsCut) {
  start();
  append(0, 3);
  stop();
  const std::string path = config.directory + "/00000000000000000001.turns";
  const std::string text = *store::read_file(path);
  ASSERT_TRUE(store::write_file(path, text.substr(0, text.size() - 5)));
  start();
  append(2, 4);
  EXPECT_EQ(consume("storage", 4), ids(0, 4));
}

TEST_F(TurnsTest, ADamagedLineIsPassedOver) {
  start();
  append(0, 3);
  stop();
  const std::string path = config.directory + "/00000000000000000001.turns";
  std::string text = *store::read_file(path);
  text[12] ^= 1;
  ASSERT_TRUE(store::write_file(path, text));
  start();
  EXPECT_EQ(consume("storage", 2), ids(1, 3));
}

// With a real broker.

class NatsServer {
 public:
  NatsServer() : port_(free_port()) { start(); }
  ~NatsServer() { stop(SIGKILL); }

  void start() {
    const std::string port = std::to_string(port_);
    pid_ = ::fork();
    if (pid_ == 0) {
      const int null = ::open("/dev/null", O_RDWR);
      ::dup2(null, 1);
      ::dup2(null, 2);
      ::execlp("nats-server", "nats-server", "-js", "-a", "127.0.0.1", "-p", port.c_str(), "-sd",
               directory_.path.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ASSERT_GT(pid_, 0);
  }
  void stop(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }
  [[nodiscard]] std::string url() const { return fmt::format("nats://127.0.0.1:{}", port_); }

  // The turns' envelopes in the stream, in order.
  [[nodiscard]] std::vector<std::string> stored() const {
    std::vector<std::string> all;
    natsConnection* connection = nullptr;
    jsCtx* stream = nullptr;
    jsStreamInfo* info = nullptr;
    jsErrCode code{};
    for (int i = 0; i < 600 && info == nullptr; ++i) {  // it may just be starting
      if (i > 0) ::usleep(50'000);
      if (connection == nullptr &&
          (natsConnection_ConnectTo(&connection, url().c_str()) != NATS_OK ||
           natsConnection_JetStream(&stream, connection, nullptr) != NATS_OK))
        continue;
      (void)js_GetStreamInfo(&info, stream, "TURNS", nullptr, &code);
    }
    if (info != nullptr) {
      for (std::uint64_t seq = info->State.FirstSeq; seq <= info->State.LastSeq; ++seq) {
        natsMsg* message = nullptr;
        if (js_GetMsg(&message, stream, "TURNS", seq, nullptr, &code) != NATS_OK) continue;
        all.emplace_back(natsMsg_GetData(message),
                         static_cast<std::size_t>(natsMsg_GetDataLength(message)));
        natsMsg_Destroy(message);
      }
    }
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
    return all;
  }

 private:
  static int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
  }
  Directory directory_;
  int port_;
  pid_t pid_ = -1;
};

class TurnsWithBroker : public TurnsTest {
 protected:
  TurnsWithBroker() { config.url = nats.url(); }
  ~TurnsWithBroker() override { stop(); }
  void wait_published() {
    loop.run(until([&] { return turns->status().spooled == 0; }));
  }
  static std::vector<std::string> envelopes(int from, int to) {
    std::vector<std::string> all;
    for (int i = from; i < to; ++i) all.push_back(fmt::format(R"({{"n":{}}})", i));
    return all;
  }
  NatsServer nats;
};

TEST_F(TurnsWithBroker, EachTurnIsThereOnceAlsoWhenTheBrokerWasAway) {  // scenario 45
  start();
  append(0, 50);
  wait_published();
  EXPECT_TRUE(turns->status().broker_up);
  nats.stop(SIGKILL);
  append(50, 300);
  loop.run(until([&] { return !turns->status().broker_up && turns->status().redelivered > 1; }));
  EXPECT_GT(turns->status().spooled, 0u);
  nats.start();
  append(300, 320);
  wait_published();
  EXPECT_EQ(nats.stored(), envelopes(0, 320));
}

TEST_F(TurnsWithBroker, WhatWasSpooledIsPublishedAfterARestart) {
  nats.stop(SIGTERM);
  start();
  append(0, 30);
  stop();
  nats.start();
  start();
  wait_published();
  EXPECT_EQ(nats.stored(), envelopes(0, 30));
  EXPECT_EQ(turns->status().published, 30u);
}

TEST_F(TurnsWithBroker, ATurnThatWasPublishedBeforeAKillIsNotThereTwice) {
  start();
  append(0, 5);
  wait_published();
  stop();
  // The position of before, as a kill between the broker's answer and our own file leaves it.
  ASSERT_TRUE(store::write_file(config.directory + "/broker.publish.next", "3\n"));
  start();
  append(5, 6);
  wait_published();
  EXPECT_EQ(nats.stored(), envelopes(0, 6));
}

TEST_F(TurnsWithBroker, ABrokerThatIsKilledAgainAndAgainHasEachTurnOnce) {
  start();
  for (int round = 0; round < 4; ++round) {
    append(round * 40, round * 40 + 40);
    loop.run(until([&] { return turns->status().spooled < 30; }));
    nats.stop(SIGKILL);
    nats.start();
  }
  wait_published();
  EXPECT_EQ(nats.stored(), envelopes(0, 160));
}

}  // namespace
}  // namespace skep::fabric
