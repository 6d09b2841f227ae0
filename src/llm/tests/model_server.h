// A scripted model server on a free loopback port, and the means to call a Model against it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "decode.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/llm/model.h"
#include "skep/net/http_client.h"
#include "skep/net/http_server.h"

namespace skep::llm {

// One answer of the server. Plain functions only: the handler is a coroutine and copies what it
// needs.
struct Scripted {
  int status = 200;
  net::Headers headers;
  std::vector<std::string> pieces;  // streamed one by one; none: an empty body
  bool hang = false;                // after the pieces: say no more until the client goes away
  bool wait = false;                // before answering: until release()
};

class ModelServer {
 public:
  explicit ModelServer(Loop& loop) : loop_(loop) {
    net::HttpHandler handler = [this](Ctx ctx, const net::ServerRequest& request,
                                      net::Responder& responder) {
      return handle(this, std::move(ctx), &request, &responder);
    };
    auto opened = loop_.run(
        net::HttpServer::open("127.0.0.1:0", {.loop = loop_, .handler = std::move(handler)}));
    EXPECT_TRUE(opened.has_value());
    server_ = std::move(*opened);
  }
  ~ModelServer() { loop_.run(server_->close(Ctx{}.within(std::chrono::milliseconds(0)))); }

  [[nodiscard]] std::string url() const { return "http://" + server_->address(); }
  [[nodiscard]] std::string address() const { return server_->address(); }
  void answers(Scripted scripted) { script_.push_back(std::move(scripted)); }
  void release() { released_.notify_all(); }

  std::vector<net::ServerRequest> requests;  // of the script, not /api/show or /api/tags
  int running = 0;
  int running_most = 0;
  bool saw_client_leave = false;
  Signal changed;
  std::string show = "{}";
  std::string tags = R"({"models":[]})";

 private:
  static Task<void> handle(ModelServer* self, Ctx ctx, const net::ServerRequest* request,
                           net::Responder* responder) {
    if (request->path == "/api/show" || request->path == "/api/tags") {
      std::string body = request->path == "/api/show" ? self->show : self->tags;
      (void)co_await responder->send_json(200, std::move(body));
      co_return;
    }
    self->requests.push_back(*request);
    self->running_most = std::max(self->running_most, ++self->running);
    self->changed.notify_all();
    Scripted scripted{.status = 500};
    if (!self->script_.empty()) {
      scripted = std::move(self->script_.front());
      self->script_.pop_front();
    }
    co_await play(self, ctx, std::move(scripted), responder);
    --self->running;
    self->changed.notify_all();
  }

  static Task<void> play(ModelServer* self, Ctx ctx, Scripted scripted, net::Responder* responder) {
    if (scripted.wait) (void)co_await self->released_.wait(ctx);
    if (scripted.pieces.empty() && !scripted.hang) {
      (void)co_await responder->send(scripted.status, std::move(scripted.headers), "");
      co_return;
    }
    if (!scripted.pieces.empty()) {
      if (!co_await responder->start_stream(scripted.status, std::move(scripted.headers)))
        co_return;
    }
    for (std::string& piece : scripted.pieces) {
      if (!co_await responder->write_piece(std::move(piece))) co_return;
      co_await yield();
    }
    if (!scripted.hang) co_return;
    auto left = co_await self->never_.wait(ctx);
    self->saw_client_leave = !left;
  }

  Loop& loop_;
  std::deque<Scripted> script_;
  Signal released_;
  Signal never_;
  std::unique_ptr<net::HttpServer> server_;
};

// Anthropic's stream for one text.
inline std::vector<std::string> anthropic_text(std::string_view text) {
  json::object delta{{"type", "text_delta"}, {"text", text}};
  json::object event{{"type", "content_block_delta"}, {"index", 0}, {"delta", delta}};
  return {
      "data: "
      "{\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":10}}}"
      "\n\n",
      "data: "
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":"
      "\"\"}}\n\n",
      "data: " + to_json(event) + "\n\n",
      "data: "
      "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_"
      "tokens\":2}}\n\n",
      "data: {\"type\":\"message_stop\"}\n\n"};
}

struct Bench {
  Loop loop;
  std::unique_ptr<net::HttpClient> http;
  ModelServer server{loop};
  std::unique_ptr<Model> model;
  Seen seen;
  int resets = 0;

  explicit Bench(LlmConfig config = {}) {
    auto client = net::HttpClient::open({.loop = loop});
    EXPECT_TRUE(client.has_value());
    http = std::move(*client);
    if (config.provider.empty()) config.provider = "anthropic";
    if (config.model.empty()) config.model = "claude-test";
    if (config.api_key.empty()) config.api_key = Secret("sk-test-0123456789abcdef");
    config.base_url = server.url();
    auto opened = Model::open(std::move(config), {.loop = loop, .http = *http});
    EXPECT_TRUE(opened.has_value());
    model = std::move(*opened);
  }

  static Request hello() {
    Request request;
    request.messages = {{Role::kUser, {TextPart{"hello"}}}};
    return request;
  }

  std::expected<Response, Failure> ask(Ctx ctx = {}) {
    Request request = hello();
    return loop.run(model->stream(std::move(ctx), request, seen.sink(), [this] {
      ++resets;
      seen.text.clear();
    }));
  }
};

}  // namespace skep::llm
