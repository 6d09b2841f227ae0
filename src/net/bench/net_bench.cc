// What a byte and a request cost, beside the bare system calls and a bare libcurl loop on the same
// machine.
#include <benchmark/benchmark.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <latch>
#include <thread>

#include "skep/async/gate.h"
#include "skep/async/loop.h"
#include "skep/net/http_client.h"
#include "skep/net/http_server.h"
#include "skep/net/stream.h"

namespace skep::net {
namespace {

void raw_ping_pong(benchmark::State& state) {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0)
    return state.SkipWithError("socketpair");
  std::jthread echo([fd = fds[1]] {
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) == 1) ::send(fd, &byte, 1, MSG_NOSIGNAL);
  });
  char byte = 'x';
  for (auto _ : state) {
    ::send(fds[0], &byte, 1, 0);
    ::recv(fds[0], &byte, 1, 0);
  }
  ::shutdown(fds[0], SHUT_RDWR);
  echo.join();
  ::close(fds[0]);
  ::close(fds[1]);
}
BENCHMARK(raw_ping_pong)->UseRealTime();

Task<void> echo_bytes(Stream& stream, Ctx ctx) {
  std::array<std::byte, 64> buffer{};
  for (;;) {
    const auto got = co_await stream.read_some(ctx, buffer);
    if (!got || *got == 0) co_return;
    if (!co_await stream.write(ctx, std::span(buffer).first(*got))) co_return;
  }
}

Task<void> ping_pong(benchmark::State& state, Stream& stream, Ctx ctx) {
  std::array<std::byte, 64> buffer{};
  for (auto _ : state) {
    if (!co_await stream.write(ctx, as_bytes("x"))) co_return;
    if (!co_await stream.read_some(ctx, buffer)) co_return;
  }
  stream.close();
}

// Both ends on one loop. Argument: whether each read has a deadline and a stop token.
void stream_ping_pong(benchmark::State& state) {
  Loop loop;
  Gate gate(loop);
  auto pair = stream_pair();
  const Ctx ctx = state.range(0) == 0 ? Ctx{} : gate.ctx().within(std::chrono::minutes(10));
  gate.spawn("echo", echo_bytes(*pair->second, ctx));
  loop.run(ping_pong(state, *pair->first, ctx));
  pair->first.reset();
  loop.run(gate.close());
}
BENCHMARK(stream_ping_pong)->Arg(0)->Arg(1)->ArgName("interruptible")->UseRealTime();

Task<void> answer_ok(Ctx, const ServerRequest&, Responder& responder) {
  std::ignore = co_await responder.send_json(200, R"({"answer":42})");
}

// Our server on a thread of its own.
class ServerThread {
 public:
  ServerThread() : thread_([this] { serve(); }) { ready_.wait(); }
  ~ServerThread() {
    loop_->stop();
    thread_.join();
  }
  ServerThread(const ServerThread&) = delete;
  ServerThread& operator=(const ServerThread&) = delete;
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  void serve() {
    Loop loop;
    loop_ = &loop;
    auto server = loop.run(HttpServer::open("127.0.0.1:0", {.loop = loop, .handler = answer_ok}));
    url_ = "http://" + (*server)->address() + "/";
    ready_.count_down();
    loop.run();
    loop.run((*server)->close(Ctx{}.within(std::chrono::seconds(1))));
  }
  Loop* loop_ = nullptr;
  std::string url_;
  std::latch ready_{1};
  std::thread thread_;
};

std::size_t drop(char*, std::size_t size, std::size_t count, void*) { return size * count; }

void bare_curl_get(benchmark::State& state) {
  const ServerThread server;
  CURL* easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, server.url().c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
  for (auto _ : state) {
    if (curl_easy_perform(easy) != CURLE_OK) state.SkipWithError("request failed");
  }
  curl_easy_cleanup(easy);
}
BENCHMARK(bare_curl_get)->UseRealTime();

Task<void> fetch_all(benchmark::State& state, HttpClient& client, std::string url) {
  for (auto _ : state) {
    HttpRequest request{.url = url};
    const auto got =
        co_await client.fetch(Ctx{}.within(std::chrono::minutes(1)), std::move(request), {}, {});
    if (!got) state.SkipWithError("request failed");
  }
}

void client_get(benchmark::State& state) {
  const ServerThread server;
  Loop loop;
  auto client = HttpClient::open({.loop = loop});
  loop.run(fetch_all(state, **client, server.url()));
}
BENCHMARK(client_get)->UseRealTime();

}  // namespace
}  // namespace skep::net
