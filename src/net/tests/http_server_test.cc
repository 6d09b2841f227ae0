#include "skep/net/http_server.h"

#include "support.h"

namespace skep::net {
namespace {

using namespace testing;

// Answers with what it understood, or does what the path says.
Task<void> echo(Ctx ctx, const ServerRequest& request, Responder& responder) {
  if (request.path == "/nothing") co_return;
  if (request.path == "/no-content") {
    std::ignore = co_await responder.send(204, {}, "");
    co_return;
  }
  if (request.path == "/stream") {
    std::ignore = co_await responder.start_stream(200, {{"Content-Type", "text/event-stream"}});
    std::ignore = co_await responder.write_event("tick", "one\ntwo");
    std::ignore = co_await responder.write_event("", "three");
    co_return;
  }
  if (request.path == "/bad-header") {
    const auto sent = co_await responder.send(200, {{"X", "a\r\nSet-Cookie: b"}}, "");
    EXPECT_EQ(sent.error().code, Code::kInvalid);
    co_return;
  }
  std::string text =
      fmt::format("{} {} ?{} [{}]", request.method, request.path, request.query, request.body);
  std::ignore = co_await responder.send(200, {{"Content-Type", "text/plain"}}, std::move(text));
}

struct Fixture {
  explicit Fixture(HttpHandler handler = echo, HttpServerLimits limits = {}) {
    auto opened = loop.run(HttpServer::open(
        "127.0.0.1:0", {.loop = loop, .handler = std::move(handler), .limits = limits}));
    server = *std::move(opened);
  }
  ~Fixture() { loop.run(server->close(brief())); }

  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(
        std::stoi(server->address().substr(server->address().rfind(':') + 1)));
  }

  // Sends `bytes`, in pieces of `step`, and gives all that comes back until the server closes.
  std::string talk(std::string bytes, std::size_t step = std::string::npos) {
    return loop.run(talk_to(port(), std::move(bytes), step));
  }
  static Task<std::string> talk_to(std::uint16_t port, std::string bytes, std::size_t step) {
    auto client = co_await connect_tcp(patient(), "127.0.0.1", port);
    if (!client) co_return client.error().to_string();
    for (std::size_t at = 0; at < bytes.size(); at += std::min(step, bytes.size())) {
      const auto piece = std::string_view(bytes).substr(at, step);
      if (auto sent = co_await (*client)->write(patient(), as_bytes(piece)); !sent) break;
      if (step != std::string::npos) co_await yield();
    }
    co_return co_await read_to_end(**client);
  }

  Loop loop;
  std::unique_ptr<HttpServer> server;
};

std::string status_line(std::string_view answer) {
  return std::string(answer.substr(0, answer.find("\r\n")));
}
std::string body_of(std::string_view answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? "" : std::string(answer.substr(end + 4));
}

struct Case {
  std::string_view request;
  std::string_view status;
  std::string_view body;
};

const Case kCases[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK", "GET / ? []"},
    {"GET /a%20b/%C3%A9?q=%31 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK",
     "GET /a b/\xC3\xA9 ?q=%31 []"},
    {"GET http://x/abs?y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK",
     "GET /abs ?y []"},
    {"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK",
     "OPTIONS * ? []"},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
     "HTTP/1.1 200 OK", "POST / ? [abc]"},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: "
     "close\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\n\r\n",
     "HTTP/1.1 200 OK", "POST / ? [abcde]"},
    {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK", "GET / ? []"},
    {"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK", ""},
    {"GET /no-content HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 204 No Content",
     ""},
    {"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
     "HTTP/1.1 500 Internal Server Error",
     R"({"error":{"code":"internal","message":"the request was not answered"}})"},
    {"GET /bad-header HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
     "HTTP/1.1 500 Internal Server Error",
     R"({"error":{"code":"internal","message":"the request was not answered"}})"},
    // Refused.
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"GET relative HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc", "HTTP/1.1 400 Bad Request",
     ""},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n",
     "HTTP/1.1 400 Bad Request", ""},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     "HTTP/1.1 400 Bad Request", ""},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 Bad Request", ""},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
     "HTTP/1.1 413 Content Too Large",
     R"({"error":{"code":"too-large","message":"the request's body is too large"}})"},
};

TEST(HttpServer, AnswersTheTableWholeAndByteByByte) {
  Fixture fixture;
  for (const Case& c : kCases) {
    for (const std::size_t step : {std::string::npos, std::size_t{1}}) {
      const std::string answer = fixture.talk(std::string(c.request), step);
      EXPECT_EQ(status_line(answer), c.status) << c.request;
      if (c.status.contains(" 400 ")) {
        EXPECT_TRUE(body_of(answer).starts_with(R"({"error":{"code":"invalid","message":)"))
            << answer;
        EXPECT_TRUE(answer.contains("Connection: close\r\n")) << answer;
      } else {
        EXPECT_EQ(body_of(answer), c.body) << c.request;
      }
    }
  }
}

Task<void> say_headers(Ctx, const ServerRequest& request, Responder& responder) {
  std::string text;
  for (const auto& [name, value] : request.headers) text += fmt::format("{}={};", name, value);
  std::ignore = co_await responder.send(200, {}, std::move(text));
}

TEST(HttpServer, TrailersAreNoHeaders) {
  Fixture fixture(say_headers);
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "1\r\na\r\n0\r\nAuthorization: forged\r\n\r\n";
  for (const std::size_t step : {std::string::npos, std::size_t{1}}) {
    EXPECT_EQ(body_of(fixture.talk(request, step)),
              "Host=x;Transfer-Encoding=chunked;Connection=close;");
  }
}

TEST(HttpServer, SaysTheLengthOfTheBodyThatHeadLeavesOut) {
  Fixture fixture;
  const std::string answer =
      fixture.talk("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.contains("Content-Length: 12\r\n")) << answer;
}

TEST(HttpServer, AHeadThatIsTooLargeIs431) {
  Fixture fixture(echo, {.header_bytes_max = 1024});
  const std::string answer =
      fixture.talk("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(200'000, 'a'));
  EXPECT_EQ(status_line(answer), "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(HttpServer, AChunkedBodyOverTheLimitIs413AndReachesAClientStillSending) {
  Fixture fixture(echo, {.body_bytes_max = 1000});
  const std::string chunk = "100\r\n" + std::string(256, 'x') + "\r\n";
  std::string request = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 1000; ++i) request += chunk;
  EXPECT_EQ(status_line(fixture.talk(request)), "HTTP/1.1 413 Content Too Large");
}

TEST(HttpServer, KeepsTheConnectionForPipelinedRequestsInOrder) {
  Fixture fixture;
  const std::string answer = fixture.talk(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
      "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto one = answer.find("GET /1 ? []");
  const auto two = answer.find("POST /2 ? [hi]");
  const auto three = answer.find("GET /3 ? []");
  EXPECT_TRUE(one < two && two < three && three != std::string::npos) << answer;
}

TEST(HttpServer, StreamsEventsAsChunks) {
  Fixture fixture;
  const std::string answer =
      fixture.talk("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.contains("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body_of(answer),
            "21\r\nevent: tick\ndata: one\ndata: two\n\n\r\n"
            "d\r\ndata: three\n\n\r\n0\r\n\r\n");
}

TEST(HttpServer, StreamsToHttp10UntilTheEndOfTheConnection) {
  Fixture fixture;
  const std::string answer = fixture.talk("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(answer.contains("chunked"));
  EXPECT_EQ(body_of(answer), "event: tick\ndata: one\ndata: two\n\ndata: three\n\n");
}

TEST(HttpServer, AsksForTheBodyOfAClientThatWaitsForIt) {
  Fixture fixture;
  auto body = [](std::uint16_t port) -> Task<void> {
    auto client = co_await connect_tcp(patient(), "127.0.0.1", port);
    CO_ASSERT_OK(client);
    CO_ASSERT_OK(co_await (*client)->write(
        patient(), as_bytes("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: "
                            "100-continue\r\nConnection: close\r\n\r\n")));
    EXPECT_EQ(co_await read_until(**client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    CO_ASSERT_OK(co_await (*client)->write(patient(), as_bytes("ok")));
    EXPECT_EQ(body_of(co_await read_to_end(**client)), "POST / ? [ok]");
  };
  fixture.loop.run(body(fixture.port()));
}

TEST(HttpServer, AHeadThatDoesNotArriveInTimeIs408) {
  Fixture fixture(echo, {.header_timeout = std::chrono::milliseconds(300)});
  EXPECT_EQ(status_line(fixture.talk("GET / HTTP/1.1\r\nHost:")), "HTTP/1.1 408 Request Timeout");
}

TEST(HttpServer, ABodyThatDoesNotArriveInTimeIs408) {
  Fixture fixture(echo, {.body_timeout = std::chrono::milliseconds(30)});
  EXPECT_EQ(status_line(fixture.talk("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")),
            "HTTP/1.1 408 Request Timeout");
}

TEST(HttpServer, ClosesAnIdleConnectionWithoutAWord) {
  Fixture fixture(echo, {.idle_timeout = std::chrono::milliseconds(30)});
  const std::string answer = fixture.talk("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(answer), "GET /1 ? []");
  EXPECT_FALSE(answer.contains("408"));
}

TEST(HttpServer, TurnsAwayClientsOverTheLimit) {
  Fixture fixture(echo, {.connections_max = 1});
  auto body = [](std::uint16_t port) -> Task<void> {
    auto first = co_await connect_tcp(patient(), "127.0.0.1", port);
    CO_ASSERT_OK(first);
    CO_ASSERT_OK(
        co_await (*first)->write(patient(), as_bytes("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")));
    co_await read_until(**first, "[]");
    EXPECT_EQ(status_line(co_await Fixture::talk_to(port, "", 1)),
              "HTTP/1.1 503 Service Unavailable");
  };
  fixture.loop.run(body(fixture.port()));
}

// What the handler saw; the test waits for it.
struct Seen {
  Signal changed;
  bool started = false;
  bool stopped = false;
  Code write_error{};

  Task<bool> wait_for(bool Seen::* flag) {
    while (!(this->*flag)) {
      if (!co_await changed.wait(patient())) co_return false;
    }
    co_return true;
  }
};

HttpHandler waits_for_stop(Seen& seen) {
  auto handle = [](Seen* s, Ctx ctx, Responder& responder) -> Task<void> {
    std::ignore = co_await responder.start_stream(200, {});
    std::ignore = co_await responder.write_piece("begun");
    s->started = true;
    s->changed.notify_all();
    const auto waited = co_await sleep_for(ctx, std::chrono::seconds(30));
    EXPECT_EQ(waited.error().code, Code::kCancelled);
    s->stopped = true;
    s->changed.notify_all();
  };
  return [&seen, handle](Ctx ctx, const ServerRequest&, Responder& responder) {
    return handle(&seen, std::move(ctx), responder);
  };
}

TEST(HttpServer, StopsTheHandlerOfAClientThatGoesAway) {
  Seen seen;
  Fixture fixture(waits_for_stop(seen));
  auto body = [](std::uint16_t port, Seen& s) -> Task<void> {
    auto client = co_await connect_tcp(patient(), "127.0.0.1", port);
    CO_ASSERT_OK(client);
    CO_ASSERT_OK(
        co_await (*client)->write(patient(), as_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    EXPECT_TRUE(co_await s.wait_for(&Seen::started));
    client->reset();
    EXPECT_TRUE(co_await s.wait_for(&Seen::stopped));
  };
  fixture.loop.run(body(fixture.port(), seen));
}

TEST(HttpServer, CloseCutsRequestsWhenItsTimeIsOver) {
  Seen seen;
  Loop loop;
  auto body = [](Loop& l, Seen& s) -> Task<void> {
    auto server =
        co_await HttpServer::open("127.0.0.1:0", {.loop = l, .handler = waits_for_stop(s)});
    CO_ASSERT_OK(server);
    const auto port = static_cast<std::uint16_t>(std::stoi((*server)->address().substr(10)));
    auto client = co_await connect_tcp(patient(), "127.0.0.1", port);
    CO_ASSERT_OK(client);
    CO_ASSERT_OK(
        co_await (*client)->write(patient(), as_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    EXPECT_TRUE(co_await s.wait_for(&Seen::started));
    co_await (*server)->close(brief());
    EXPECT_TRUE(s.stopped);
    EXPECT_FALSE(co_await connect_tcp(patient(), "127.0.0.1", port));
  };
  loop.run(body(loop, seen));
}

Task<void> writes_without_end(Seen* seen, Responder& responder) {
  std::ignore = co_await responder.start_stream(200, {});
  for (;;) {
    std::string piece(64u << 10, 'x');
    const auto sent = co_await responder.write_piece(std::move(piece));
    if (sent) continue;
    seen->write_error = sent.error().code;
    seen->stopped = true;
    seen->changed.notify_all();
    co_return;
  }
}

TEST(HttpServer, DropsAClientThatDoesNotRead) {
  Seen seen;
  HttpHandler handler = [&seen](Ctx, const ServerRequest&, Responder& responder) {
    return writes_without_end(&seen, responder);
  };
  Fixture fixture(handler, {.write_timeout = std::chrono::milliseconds(50)});
  auto body = [](std::uint16_t port, Seen& s) -> Task<void> {
    auto client = co_await connect_tcp(patient(), "127.0.0.1", port);
    CO_ASSERT_OK(client);
    CO_ASSERT_OK(
        co_await (*client)->write(patient(), as_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    EXPECT_TRUE(co_await s.wait_for(&Seen::stopped));
    EXPECT_EQ(s.write_error, Code::kUnavailable);
  };
  fixture.loop.run(body(fixture.port(), seen));
}

TEST(HttpServer, ListensOnAUnixSocket) {
  Loop loop;
  TempDir dir;
  auto body = [](Loop& l, std::string path) -> Task<void> {
    auto server = co_await HttpServer::open("unix:" + path, {.loop = l, .handler = echo});
    CO_ASSERT_OK(server);
    EXPECT_EQ((*server)->address(), "unix:" + path);
    auto client = co_await connect_unix(patient(), path);
    CO_ASSERT_OK(client);
    CO_ASSERT_OK(co_await (*client)->write(patient(), as_bytes("GET /u HTTP/1.0\r\n\r\n")));
    EXPECT_EQ(body_of(co_await read_to_end(**client)), "GET /u ? []");
    co_await (*server)->close(brief());
  };
  loop.run(body(loop, dir.file("http.sock")));
}

TEST(HttpServer, RefusesAnAddressItCannotRead) {
  Loop loop;
  for (const char* listen : {"", "4545", "localhost:1", "127.0.0.1:x", "::1:80"}) {
    auto opened = loop.run(HttpServer::open(listen, {.loop = loop, .handler = echo}));
    EXPECT_EQ(opened.error().code, Code::kInvalid) << listen;
  }
}

}  // namespace
}  // namespace skep::net
