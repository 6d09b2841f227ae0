#include "skep/net/http_client.h"

#include <zlib.h>

#include "raw_server.h"
#include "skep/net/http_server.h"

namespace skep::net {
namespace {

using namespace testing;
using std::chrono::milliseconds;

class Http : public ::testing::Test {
 protected:
  std::unique_ptr<HttpClient> open(EgressConfig egress = {}) {
    auto client = HttpClient::open(
        {.loop = loop_, .guard = EgressGuard(std::move(egress)), .user_agent = "test"});
    return *std::move(client);
  }
  Result<HttpResponse> fetch(HttpClient& client, HttpRequest request, BodySink sink = {},
                             std::function<void(const HttpResponse&)> head = {}) {
    return loop_.run(client.fetch(patient(), std::move(request), std::move(sink), std::move(head)));
  }
  Loop loop_;
};

Task<void> mirror(Ctx, const ServerRequest& request, Responder& responder) {
  if (request.path == "/missing") {
    std::ignore = co_await responder.send_json(404, "{}");
    co_return;
  }
  std::string text = fmt::format("{} {} [{}]\n", request.method, request.target, request.body);
  for (const auto& [name, value] : request.headers)
    text += fmt::format("{}: {}\n", to_lower_ascii(name), value);
  std::ignore = co_await responder.send(200, {{"X-Kind", "mirror"}}, std::move(text));
}

// Our own server, for the everyday cases.
class HttpOverOurServer : public Http {
 protected:
  HttpOverOurServer() {
    auto opened = loop_.run(HttpServer::open("127.0.0.1:0", {.loop = loop_, .handler = mirror}));
    server_ = *std::move(opened);
  }
  ~HttpOverOurServer() override { loop_.run(server_->close(brief())); }
  [[nodiscard]] std::string url(std::string_view path) const {
    return "http://" + server_->address() + std::string(path);
  }
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpOverOurServer, SendsEachMethodWithItsBodyAndHeaders) {
  auto client = open();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    for (const char* body : {"", "payload"}) {
      const auto got = fetch(*client, {.method = method,
                                       .url = url("/p?q=1"),
                                       .headers = {{"X-A", "1"}, {"X-Empty", ""}},
                                       .body = body});
      ASSERT_TRUE(got) << got.error().to_string();
      EXPECT_EQ(got->status, 200);
      EXPECT_TRUE(got->body.starts_with(fmt::format("{} /p?q=1 [{}]\n", method, body)))
          << got->body;
      EXPECT_TRUE(got->body.contains("x-a: 1\n"));
      EXPECT_TRUE(got->body.contains("x-empty: \n"));
      EXPECT_TRUE(got->body.contains("user-agent: test\n"));
      EXPECT_FALSE(got->body.contains("expect:"));
      EXPECT_FALSE(got->body.contains("content-type:"));
      EXPECT_EQ(find_header(got->headers, "x-kind"), "mirror");
      EXPECT_EQ(got->final_url, url("/p?q=1"));
    }
  }
}

TEST_F(HttpOverOurServer, HeadHasNoBody) {
  auto client = open();
  const auto got = fetch(*client, {.method = "HEAD", .url = url("/")});
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(got->body, "");
  EXPECT_NE(find_header(got->headers, "Content-Length"), "0");
}

TEST_F(HttpOverOurServer, SendsABodyOfMegabytes) {
  auto client = open();
  const std::string big(5u << 20, 'b');
  const auto got = fetch(*client, {.method = "POST", .url = url("/"), .body = big});
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_TRUE(got->body.starts_with("POST / [" + big + "]"));
}

TEST_F(HttpOverOurServer, GivesTheBodyToTheSinkAfterTheHead) {
  auto client = open();
  std::string order;
  std::string body;
  const auto got = fetch(
      *client, {.url = url("/")},
      [&](std::string_view piece) {
        order += "b";
        body += piece;
        return true;
      },
      [&](const HttpResponse& head) { order += fmt::format("h{}", head.status); });
  ASSERT_TRUE(got);
  EXPECT_TRUE(order.starts_with("h200b")) << order;
  EXPECT_TRUE(body.starts_with("GET / []"));
  EXPECT_EQ(got->body, "");
}

TEST_F(HttpOverOurServer, CollectsTheBodyOfAnErrorThoughThereIsASink) {
  auto client = open();
  int pieces = 0;
  const auto got =
      fetch(*client, {.url = url("/missing")}, [&](std::string_view) { return ++pieces > 0; });
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 404);
  EXPECT_EQ(got->body, "{}");
  EXPECT_EQ(pieces, 0);
}

TEST_F(HttpOverOurServer, ASinkThatHasEnoughEndsTheRequest) {
  auto client = open();
  EXPECT_EQ(fetch(*client, {.url = url("/")}, [](std::string_view) { return false; }).error().code,
            Code::kCancelled);
}

Task<void> fetch_into(HttpClient& client, std::string url, int* done) {
  HttpRequest request{.url = std::move(url)};
  const auto got = co_await client.fetch(patient(), std::move(request), {}, {});
  if (got && got->status == 200) ++*done;
}

TEST_F(HttpOverOurServer, RunsManyRequestsSideBySide) {
  auto client = open();
  Gate gate(loop_);
  int done = 0;
  for (int i = 0; i < 100; ++i) gate.spawn("fetch", fetch_into(*client, url("/"), &done));
  loop_.run(gate.drain(patient()));
  EXPECT_EQ(done, 100);
}

TEST_F(HttpOverOurServer, RefusesRequestsThatWouldBreakTheProtocol) {
  auto client = open();
  const HttpRequest bad[] = {
      {.method = "GET /x HTTP/1.1\r\n", .url = url("/")},
      {.method = "", .url = url("/")},
      {.url = url("/"), .headers = {{"A\r\nB", "x"}}},
      {.url = url("/"), .headers = {{"A", "x\r\nB: y"}}},
      {.url = url("/"), .headers = {{"", "x"}}},
      {.url = ""},
      {.url = "ftp://127.0.0.1/"},
      {.url = "http://127.0.0.1:1/\r\nX"},
  };
  for (const HttpRequest& request : bad)
    EXPECT_EQ(fetch(*client, request).error().code, Code::kInvalid) << request.url;
}

Task<void> fetch_quickly(HttpClient& client, std::string url, int* done) {
  HttpRequest request{.url = std::move(url), .connect_timeout = milliseconds(300)};
  const auto got = co_await client.fetch(patient(), std::move(request), {}, {});
  if (!got) ADD_FAILURE() << got.error().to_string();
  if (got && got->body == "ok") ++*done;
}

TEST_F(Http, ReusesTheConnection) {
  auto script = [](Stream& stream) -> Task<void> {
    for (;;) {
      const std::string head = co_await read_until(stream, "\r\n\r\n");
      if (!head.contains("\r\n\r\n")) co_return;
      std::ignore = co_await stream.write(
          patient(), as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    }
  };
  RawServer server(loop_, script);
  auto client = open({.allow = {"127.0.0.1"}});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fetch(*client, {.url = server.url()})->body, "ok");
  EXPECT_EQ(server.connections(), 1);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(fetch(*client, {.url = server.url(), .guarded = true})->body, "ok");
  EXPECT_EQ(server.connections(), 2) << "guarded requests have connections of their own";
  client.reset();
}

TEST_F(Http, CutsABodyWithoutEndAtTheLimit) {
  auto script = [](Stream& stream) -> Task<void> {
    co_await read_until(stream, "\r\n\r\n");
    std::ignore = co_await stream.write(patient(), as_bytes("HTTP/1.1 200 OK\r\n\r\n"));
    const std::string piece(64u << 10, 'x');
    while (co_await stream.write(patient(), as_bytes(piece))) {
    }
  };
  RawServer server(loop_, script);
  auto client = open();
  EXPECT_EQ(fetch(*client, {.url = server.url(), .body_bytes_max = 1u << 20}).error().code,
            Code::kTooLarge);
  std::size_t sunk = 0;
  const auto sink = [&sunk](std::string_view piece) { return (sunk += piece.size()) > 0; };
  EXPECT_EQ(fetch(*client, {.url = server.url(), .body_bytes_max = 1u << 20}, sink).error().code,
            Code::kTooLarge);
  EXPECT_LE(sunk, 1u << 20);
  loop_.run(server.await_finished(2));
  EXPECT_EQ(server.finished(), 2) << "the connections were closed";
}

std::string gzip(const std::string& plain) {
  z_stream state{};
  deflateInit2(&state, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&state, plain.size()), '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  state.avail_in = static_cast<uInt>(plain.size());
  state.next_out = reinterpret_cast<Bytef*>(packed.data());
  state.avail_out = static_cast<uInt>(packed.size());
  deflate(&state, Z_FINISH);
  packed.resize(state.total_out);
  deflateEnd(&state);
  return packed;
}

std::string gzip_answer(const std::string& plain) {
  const std::string packed = gzip(plain);
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}",
                     packed.size(), packed);
}

TEST_F(Http, UnpacksAndCountsWhatItUnpacks) {
  RawServer small(loop_, answers(gzip_answer("hello hello hello")));
  RawServer bomb(loop_, answers(gzip_answer(std::string(64u << 20, '\0'))));
  auto client = open();
  EXPECT_EQ(fetch(*client, {.url = small.url()})->body, "hello hello hello");
  EXPECT_EQ(fetch(*client, {.url = bomb.url(), .body_bytes_max = 1u << 20}).error().code,
            Code::kTooLarge);
}

TEST_F(Http, SaysWhyThereIsNoAnswer) {
  auto client = open();
  RawServer silent(loop_, answers(""));
  RawServer rude(loop_, answers("220 smtp ready\r\n"));
  RawServer cut(loop_, answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"));
  for (const RawServer* server : {&silent, &rude, &cut}) {
    const auto got = fetch(*client, {.url = server->url()});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_TRUE(got.error().message.starts_with("request to 127.0.0.1 failed: "))
        << got.error().message;
  }
  std::uint16_t free_port = 0;
  {
    free_port = (*loop_.run(listen_tcp("127.0.0.1", 0)))->port();
  }
  const auto refused = fetch(*client, {.url = fmt::format("http://127.0.0.1:{}/", free_port)});
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_TRUE(refused.error().message.contains("refused")) << refused.error().message;
}

Task<void> reset_after(Stream* stream, std::string text) {
  co_await read_up_to(*stream, 1);  // the rest stays unread, so that closing sends RST
  std::ignore = co_await stream->write(patient(), as_bytes(text));
}

TEST_F(Http, AResetInMidBodyIsUnavailable) {
  auto script = [](Stream& stream) {
    return reset_after(&stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
  };
  RawServer server(loop_, script);
  auto client = open();
  EXPECT_EQ(fetch(*client, {.url = server.url()}).error().code, Code::kUnavailable);
}

TEST_F(Http, AFirstByteThatDoesNotComeTimesOut) {
  RawServer server(loop_, answers_and_stays(""));
  auto client = open();
  const auto got = fetch(*client, {.url = server.url(), .first_byte_timeout = milliseconds(50)});
  EXPECT_EQ(got.error(), (Error{Code::kTimeout, "127.0.0.1 sent no answer within 50 ms"}));
  loop_.run(server.await_finished(1));
  EXPECT_EQ(server.finished(), 1);
}

TEST_F(Http, ABodyThatStallsTimesOut) {
  RawServer server(loop_, answers_and_stays("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"));
  auto client = open();
  const auto got = fetch(*client, {.url = server.url(), .idle_timeout = milliseconds(50)});
  EXPECT_EQ(got.error(), (Error{Code::kTimeout, "127.0.0.1 went silent for 50 ms in mid-answer"}));
  loop_.run(server.await_finished(1));
  EXPECT_EQ(server.finished(), 1);
}

TEST_F(Http, ASlowBodyThatKeepsComingDoesNotTimeOut) {
  auto script = [](Stream& stream) -> Task<void> {
    co_await read_until(stream, "\r\n\r\n");
    std::ignore =
        co_await stream.write(patient(), as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"));
    for (int i = 0; i < 12; ++i) {
      std::ignore = co_await sleep_for(patient(), milliseconds(100));
      std::ignore = co_await stream.write(patient(), as_bytes("x"));
    }
  };
  RawServer server(loop_, script);
  auto client = open();
  const auto got = fetch(*client, {.url = server.url(),
                                   .first_byte_timeout = milliseconds(1000),
                                   .idle_timeout = milliseconds(1000)});
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(got->body, std::string(12, 'x'));
}

TEST_F(Http, TheEndOfTheCtxClosesTheConnection) {
  RawServer server(loop_, answers_and_stays("HTTP/1.1 200 OK\r\n\r\nsome"));
  auto client = open();
  std::stop_source stop;
  const auto stop_at_first_piece = [&stop](std::string_view) { return stop.request_stop(); };
  const Ctx ctx = patient().with_stop(stop.get_token());
  const auto cancelled =
      loop_.run(client->fetch(ctx, {.url = server.url()}, stop_at_first_piece, {}));
  EXPECT_EQ(cancelled.error(), (Error{Code::kCancelled, "request to 127.0.0.1 cancelled"}));
  const auto late = loop_.run(client->fetch(brief(), {.url = server.url()}, {}, {}));
  EXPECT_EQ(late.error(),
            (Error{Code::kTimeout, "no full answer from 127.0.0.1 in the time allowed"}));
  loop_.run(server.await_finished(2));
  EXPECT_EQ(server.finished(), 2);
}

TEST_F(Http, WaitingForAConnectionIsNotTimedAsConnecting) {
  auto script = [](Stream& stream) -> Task<void> {
    for (;;) {
      const std::string head = co_await read_until(stream, "\r\n\r\n");
      if (head.empty()) co_return;
      std::ignore = co_await sleep_for(patient(), milliseconds(400));
      std::ignore = co_await stream.write(
          patient(), as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    }
  };
  RawServer server(loop_, script);
  auto client = *HttpClient::open({.loop = loop_, .connections_per_host_max = 1});
  Gate gate(loop_);
  int done = 0;
  for (int i = 0; i < 3; ++i) gate.spawn("fetch", fetch_quickly(*client, server.url(), &done));
  loop_.run(gate.drain(patient()));
  EXPECT_EQ(done, 3);
  EXPECT_EQ(server.connections(), 1);
  client.reset();
}

TEST_F(Http, PassesOverInterimAnswersAndTrailers) {
  RawServer server(loop_, answers("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 "
                                  "OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "2\r\nok\r\n0\r\nAuthorization: trailing\r\n\r\n"));
  auto client = open();
  const auto got = fetch(*client, {.url = server.url()});
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->headers, (Headers{{"A", "b"}, {"Transfer-Encoding", "chunked"}}));
  EXPECT_EQ(got->body, "ok");
}

TEST_F(Http, AHeadWithoutEndIsTooLarge) {
  auto script = [](Stream& stream) -> Task<void> {
    co_await read_until(stream, "\r\n\r\n");
    std::ignore = co_await stream.write(patient(), as_bytes("HTTP/1.1 200 OK\r\n"));
    const std::string line = "X: " + std::string(1000, 'x') + "\r\n";
    while (co_await stream.write(patient(), as_bytes(line))) {
    }
  };
  RawServer server(loop_, script);
  auto client = open();
  const auto got = fetch(*client, {.url = server.url()});
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().code == Code::kTooLarge || got.error().code == Code::kUnavailable)
      << got.error().to_string();
}

}  // namespace
}  // namespace skep::net
