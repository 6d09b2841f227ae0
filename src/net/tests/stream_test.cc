#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "support.h"

namespace skep::net {
namespace {

using namespace testing;

struct Pair {
  std::unique_ptr<Stream> a;
  std::unique_ptr<Stream> b;
};

Pair make_pair_of_streams() {
  auto pair = stream_pair();
  return {std::move(pair->first), std::move(pair->second)};
}

Task<void> write_text(Stream& stream, std::string text, Result<void>* result) {
  *result = co_await stream.write(patient(), as_bytes(text));
}

TEST(Stream, CarriesBytesBothWays) {
  Loop loop;
  auto body = []() -> Task<void> {
    Pair pair = make_pair_of_streams();
    CO_ASSERT_OK(co_await pair.a->write(patient(), as_bytes("ping")));
    EXPECT_EQ(co_await read_up_to(*pair.b, 4), "ping");
    CO_ASSERT_OK(co_await pair.b->write(patient(), as_bytes("pong")));
    EXPECT_EQ(co_await read_up_to(*pair.a, 4), "pong");
  };
  loop.run(body());
}

TEST(Stream, ReadGivesZeroAtTheOrderlyEnd) {
  Loop loop;
  auto body = []() -> Task<void> {
    Pair pair = make_pair_of_streams();
    CO_ASSERT_OK(co_await pair.a->write(patient(), as_bytes("last")));
    co_await pair.a->shutdown(patient());
    EXPECT_EQ(co_await read_to_end(*pair.b), "last");
    CO_ASSERT_OK(co_await pair.b->write(patient(), as_bytes("still open this way")));
    EXPECT_EQ(co_await read_up_to(*pair.a, 19), "still open this way");
  };
  loop.run(body());
}

TEST(Stream, IsStillGoodAfterAReadRanOutOfTime) {
  Loop loop;
  auto body = []() -> Task<void> {
    Pair pair = make_pair_of_streams();
    std::array<std::byte, 16> buffer{};
    for (int i = 0; i < 3; ++i) {
      const auto got = co_await pair.a->read_some(brief(), buffer);
      EXPECT_EQ(got.error().code, Code::kTimeout);
    }
    CO_ASSERT_OK(co_await pair.b->write(patient(), as_bytes("late")));
    EXPECT_EQ(co_await read_up_to(*pair.a, 4), "late");
  };
  loop.run(body());
}

TEST(Stream, RefusesAnOperationThatIsStoppedBefore) {
  Loop loop;
  auto body = []() -> Task<void> {
    Pair pair = make_pair_of_streams();
    std::stop_source stop;
    stop.request_stop();
    const Ctx ctx = patient().with_stop(stop.get_token());
    std::array<std::byte, 16> buffer{};
    EXPECT_EQ((co_await pair.a->read_some(ctx, buffer)).error().code, Code::kCancelled);
    EXPECT_EQ((co_await pair.a->write(ctx, as_bytes("x"))).error().code, Code::kCancelled);
  };
  loop.run(body());
}

TEST(Stream, AStopFromAnotherThreadEndsARead) {
  Loop loop;
  auto body = []() -> Task<void> {
    Pair pair = make_pair_of_streams();
    std::array<std::byte, 16> buffer{};
    for (int i = 0; i < 50; ++i) {
      std::stop_source stop;
      std::jthread stopper([&stop] { stop.request_stop(); });
      const Ctx ctx = patient().with_stop(stop.get_token());
      EXPECT_EQ((co_await pair.a->read_some(ctx, buffer)).error().code, Code::kCancelled);
    }
    CO_ASSERT_OK(co_await pair.b->write(patient(), as_bytes("ok")));
    EXPECT_EQ(co_await read_up_to(*pair.a, 2), "ok");
  };
  loop.run(body());
}

Task<void> close_it(Stream& stream) {
  stream.close();
  co_return;
}

TEST(Stream, CloseEndsThePendingRead) {
  Loop loop;
  Gate gate(loop);
  auto body = [](Gate& g) -> Task<void> {
    Pair pair = make_pair_of_streams();
    g.spawn("close", close_it(*pair.a));
    std::array<std::byte, 16> buffer{};
    EXPECT_EQ((co_await pair.a->read_some(patient(), buffer)).error().code, Code::kCancelled);
    EXPECT_EQ((co_await pair.a->write(patient(), as_bytes("x"))).error().code, Code::kCancelled);
    co_await g.close();
  };
  loop.run(body(gate));
}

TEST(Stream, WritesMoreThanTheKernelHoldsWhileReading) {
  Loop loop;
  Gate gate(loop);
  auto body = [](Gate& g) -> Task<void> {
    Pair pair = make_pair_of_streams();
    const std::string big(8u << 20, 'x');
    Result<void> one;
    Result<void> two;
    g.spawn("a writes", write_text(*pair.a, big, &one));
    g.spawn("b writes", write_text(*pair.b, big + "!", &two));
    EXPECT_TRUE(co_await read_up_to(*pair.b, big.size()) == big);
    EXPECT_TRUE(co_await read_up_to(*pair.a, big.size() + 1) == big + "!");
    co_await g.drain(patient());
    EXPECT_TRUE(one && two);
  };
  loop.run(body(gate));
}

TEST(Stream, AWriteThatNobodyReadsRunsOutOfTime) {
  Loop loop;
  auto body = []() -> Task<void> {
    Pair pair = make_pair_of_streams();
    const std::string big(8u << 20, 'x');
    EXPECT_EQ((co_await pair.a->write(brief(), as_bytes(big))).error().code, Code::kTimeout);
  };
  loop.run(body());
}

TEST(Stream, ABrokenConnectionIsUnavailable) {
  Loop loop;
  auto body = []() -> Task<void> {
    Pair pair = make_pair_of_streams();
    pair.b.reset();
    EXPECT_EQ((co_await pair.a->write(patient(), as_bytes("x"))).error().code, Code::kUnavailable);
  };
  loop.run(body());
}

TEST(Stream, HasNoChannelBindingWithoutTls) {
  Pair pair = make_pair_of_streams();
  EXPECT_EQ(pair.a->channel_binding("tls-exporter").error().code, Code::kUnsupported);
  EXPECT_FALSE(pair.a->encrypted());
  EXPECT_FALSE(pair.a->verified());
}

TEST(Tcp, ConnectsByAddressAndByName) {
  Loop loop;
  auto body = []() -> Task<void> {
    auto acceptor = co_await listen_tcp("127.0.0.1", 0);
    CO_ASSERT_OK(acceptor);
    for (const char* host : {"127.0.0.1", "localhost"}) {
      auto client = co_await connect_tcp(patient(), host, (*acceptor)->port());
      CO_ASSERT_OK(client);
      auto served = co_await (*acceptor)->accept(patient());
      CO_ASSERT_OK(served);
      EXPECT_EQ((*client)->peer(), fmt::format("127.0.0.1:{}", (*acceptor)->port()));
      EXPECT_TRUE((*served)->peer().starts_with("127.0.0.1:"));
      CO_ASSERT_OK(co_await (*client)->write(patient(), as_bytes("hello")));
      EXPECT_EQ(co_await read_up_to(**served, 5), "hello");
    }
  };
  loop.run(body());
}

TEST(Tcp, ConnectsByIpv6LiteralWithAndWithoutBrackets) {
  Loop loop;
  auto body = []() -> Task<void> {
    auto acceptor = co_await listen_tcp("[::1]", 0);
    CO_ASSERT_OK(acceptor);
    for (const char* host : {"::1", "[::1]"}) {
      auto client = co_await connect_tcp(patient(), host, (*acceptor)->port());
      CO_ASSERT_OK(client);
      EXPECT_EQ((*client)->peer(), fmt::format("[::1]:{}", (*acceptor)->port()));
    }
  };
  loop.run(body());
}

TEST(Tcp, SaysWhichAddressRefused) {
  Loop loop;
  auto body = []() -> Task<void> {
    auto acceptor = co_await listen_tcp("127.0.0.1", 0);
    CO_ASSERT_OK(acceptor);
    const std::uint16_t port = (*acceptor)->port();
    acceptor->reset();
    const auto client = co_await connect_tcp(patient(), "127.0.0.1", port);
    EXPECT_EQ(client.error(), (Error{Code::kUnavailable,
                                     fmt::format("cannot connect to 127.0.0.1:{0} (127.0.0.1:{0}: "
                                                 "Connection refused)",
                                                 port)}));
  };
  loop.run(body());
}

TEST(Tcp, AResetFromThePeerIsUnavailable) {
  Loop loop;
  auto body = []() -> Task<void> {
    auto acceptor = co_await listen_tcp("127.0.0.1", 0);
    CO_ASSERT_OK(acceptor);
    auto client = co_await connect_tcp(patient(), "127.0.0.1", (*acceptor)->port());
    CO_ASSERT_OK(client);
    {
      auto served = co_await (*acceptor)->accept(patient());
      CO_ASSERT_OK(served);
      CO_ASSERT_OK(co_await (*client)->write(patient(), as_bytes("never read")));
      // Closed with unread bytes: the kernel sends RST.
    }
    std::array<std::byte, 16> buffer{};
    EXPECT_EQ((co_await (*client)->read_some(patient(), buffer)).error().code, Code::kUnavailable);
  };
  loop.run(body());
}

TEST(Tcp, ATakenPortIsAConflict) {
  Loop loop;
  auto body = []() -> Task<void> {
    auto first = co_await listen_tcp("127.0.0.1", 0);
    CO_ASSERT_OK(first);
    EXPECT_EQ((co_await listen_tcp("127.0.0.1", (*first)->port())).error().code, Code::kConflict);
    EXPECT_EQ((co_await listen_tcp("localhost", 0)).error().code, Code::kInvalid);
  };
  loop.run(body());
}

TEST(Tcp, AcceptEndsWithItsCtxAndWithClose) {
  Loop loop;
  auto body = []() -> Task<void> {
    auto acceptor = co_await listen_tcp("127.0.0.1", 0);
    CO_ASSERT_OK(acceptor);
    EXPECT_EQ((co_await (*acceptor)->accept(brief())).error().code, Code::kTimeout);
    (*acceptor)->close();
    EXPECT_EQ((co_await (*acceptor)->accept(patient())).error().code, Code::kCancelled);
  };
  loop.run(body());
}

TEST(UnixSocket, IsPrivateAndGoneAfterClose) {
  Loop loop;
  TempDir dir;
  auto body = [](std::string path) -> Task<void> {
    auto acceptor = co_await listen_unix(path);
    CO_ASSERT_OK(acceptor);
    struct stat file{};
    ::stat(path.c_str(), &file);
    EXPECT_EQ(file.st_mode & 0777, 0600u);
    auto client = co_await connect_unix(patient(), path);
    CO_ASSERT_OK(client);
    auto served = co_await (*acceptor)->accept(patient());
    CO_ASSERT_OK(served);
    EXPECT_EQ((*client)->peer(), "unix:" + path);
    CO_ASSERT_OK(co_await (*served)->write(patient(), as_bytes("hi")));
    EXPECT_EQ(co_await read_up_to(**client, 2), "hi");
    (*acceptor)->close();
    EXPECT_FALSE(std::filesystem::exists(path));
  };
  loop.run(body(dir.file("s.sock")));
}

TEST(UnixSocket, ReplacesAStaleFileButNotALiveOne) {
  Loop loop;
  TempDir dir;
  auto body = [](std::string path) -> Task<void> {
    {
      auto crashed = co_await listen_unix(path);
      CO_ASSERT_OK(crashed);
      std::filesystem::rename(path, path + ".kept");
    }
    std::filesystem::rename(path + ".kept", path);
    auto live = co_await listen_unix(path);
    CO_ASSERT_OK(live);
    EXPECT_EQ((co_await listen_unix(path)).error().code, Code::kConflict);
    EXPECT_TRUE(co_await connect_unix(patient(), path));
  };
  loop.run(body(dir.file("s.sock")));
}

TEST(UnixSocket, LeavesAFileThatIsNoSocketAlone) {
  Loop loop;
  TempDir dir;
  auto body = [](std::string path) -> Task<void> {
    EXPECT_EQ((co_await listen_unix(path)).error().code, Code::kConflict);
    EXPECT_TRUE(std::filesystem::is_regular_file(path));
    EXPECT_EQ((co_await listen_unix("/" + std::string(200, 'x'))).error().code, Code::kInvalid);
  };
  loop.run(body(dir.write("notes.txt", "keep me")));
}

TEST(UnixSocket, ConnectingWhereNobodyListensIsUnavailable) {
  Loop loop;
  TempDir dir;
  auto body = [](std::string path) -> Task<void> {
    EXPECT_EQ((co_await connect_unix(patient(), path)).error().code, Code::kUnavailable);
  };
  loop.run(body(dir.file("nobody.sock")));
}

}  // namespace
}  // namespace skep::net
