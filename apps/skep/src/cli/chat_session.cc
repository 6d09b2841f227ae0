#include "chat_session.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "daemon.h"
#include "skep/api/api.h"

namespace skep::cli {

struct ChatSession::Impl {
  Loop loop;
  std::unique_ptr<Gate> gate;  // what runs on the loop for the main thread
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<Daemon> own_daemon;  // when none was running
  std::unique_ptr<api::Client> client;
  std::string greeting;
  json::value running;  // the body being answered, for Ctrl-C
  std::thread thread;

  // Runs `task` on the loop's thread; blocks until it has ended.
  template <class T>
  T wait_for(Task<T> task) {
    // Shared: the loop's thread may still be inside set_value when this one goes on.
    auto promise = std::make_shared<std::promise<T>>();
    auto relay = [](Task<T> inner, std::shared_ptr<std::promise<T>> out) -> Task<void> {
      out->set_value(co_await std::move(inner));
    };
    auto work = std::make_shared<Task<void>>(relay(std::move(task), promise));
    loop.post([this, work] { gate->spawn("chat", std::move(*work)); });
    return promise->get_future().get();
  }

  Task<Result<void>> connect(kernel::KernelConfig config);
  Task<bool> disconnect();
  Task<Result<void>> say_cancel();
  void on_interrupt();
};

Task<Result<void>> ChatSession::Impl::connect(kernel::KernelConfig config) {
  loop.on_signals([this](int) { on_interrupt(); });
  net::HttpClient::Deps deps{.loop = loop};
  SKEP_CO_TRY(http, net::HttpClient::open(std::move(deps)));
  const Ctx ctx;
  const std::string home = config.home;
  auto found = co_await api::Client::find(ctx, *http, home);
  if (!found) {
    config.api_listen = "127.0.0.1:0";
    Daemon::Callbacks callbacks;
    callbacks.shutdown = [] {};
    SKEP_CO_TRY(own_daemon, co_await Daemon::start(loop, std::move(config), /*networks=*/false,
                                                   std::move(callbacks)));
    found = co_await api::Client::find(ctx, *http, home);
  }
  if (!found) co_return fail(std::move(found).error());
  client = *std::move(found);
  SKEP_CO_TRY(const json::value status, co_await client->get(ctx, "/api/status"));
  const json::value* agent = get_member(status, "agent");
  const json::value* model = get_member(status, "model");
  greeting =
      fmt::format("Talking to {}, model {}{}.", agent ? get_string(*agent, "name") : "the agent",
                  model ? get_string(*model, "name") : "unknown",
                  own_daemon ? "" : " (daemon on " + client->daemon().address + ")");
  co_return Result<void>{};
}

Task<bool> ChatSession::Impl::disconnect() {
  client.reset();
  if (own_daemon) co_await own_daemon->stop();
  own_daemon.reset();
  co_return true;
}

Task<Result<void>> ChatSession::Impl::say_cancel() {
  json::value body = running;
  body.as_object()["text"] = "/cancel";
  const Ctx ctx;
  co_return co_await client->chat(ctx, std::move(body),
                                  [](std::string_view, const json::value&) {});
}

void ChatSession::Impl::on_interrupt() {
  if (!client) std::_Exit(130);
  if (running
          .is_null()) {  // at the prompt, where the main thread waits for a line that will not come
    auto leave = [](Task<bool> end) -> Task<void> {
      co_await std::move(end);
      std::_Exit(130);
    };
    gate->spawn("leave", leave(disconnect()));
    return;
  }
  auto ignore = [](Task<Result<void>> task) -> Task<void> { (void)co_await std::move(task); };
  gate->spawn("cancel", ignore(say_cancel()));
}

ChatSession::ChatSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<ChatSession>> ChatSession::open(kernel::KernelConfig config) {
  auto impl = std::make_unique<Impl>();
  impl->gate = std::make_unique<Gate>(impl->loop);
  Impl* raw = impl.get();
  impl->thread = std::thread([raw] { raw->loop.run(); });
  std::unique_ptr<ChatSession> session(new ChatSession(std::move(impl)));
  SKEP_TRY_VOID(raw->wait_for(raw->connect(std::move(config))));
  return session;
}

// Only a broken promise or a lost thread could throw, and then ending is right.
// NOLINTNEXTLINE(bugprone-exception-escape)
ChatSession::~ChatSession() {
  impl_->wait_for(impl_->disconnect());
  impl_->loop.stop();
  impl_->thread.join();
  impl_->loop.run(impl_->gate->close());  // the loop is this thread's now
}

// What the loop's thread has for the one that waits for a reply.
struct ChatSession::Exchange {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> questions;
  std::optional<Result<void>> done;

  // The next question; nullopt when the reply has come.
  std::optional<std::string> next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return done || !questions.empty(); });
    if (done) return std::nullopt;
    std::string question = std::move(questions.front());
    questions.pop_front();
    return question;
  }
};

Result<void> ChatSession::chat(json::value body, OnEvent on_event, OnQuestion on_question) {
  impl_->loop.post([this, body] { impl_->running = body; });
  auto exchange = std::make_shared<Exchange>();
  auto relay = [](Task<Result<void>> talk, std::shared_ptr<Exchange> out) -> Task<void> {
    Result<void> done = co_await std::move(talk);
    const std::scoped_lock lock(out->mutex);
    out->done = std::move(done);
    out->changed.notify_one();
  };
  auto listen = [exchange, on_event](std::string_view name, const json::value& data) {
    on_event(name, data);
    if (name != "ask") return;
    const std::scoped_lock lock(exchange->mutex);
    exchange->questions.emplace_back(get_string(data, "text"));
    exchange->changed.notify_one();
  };
  const Ctx ctx;
  auto talk = std::make_shared<Task<void>>(
      relay(impl_->client->chat(ctx, body, std::move(listen)), exchange));
  impl_->loop.post([this, talk] { impl_->gate->spawn("chat", std::move(*talk)); });
  while (const std::optional<std::string> question = exchange->next()) {
    body.as_object()["text"] = on_question(*question);
    if (body.as_object()["text"].as_string().empty()) continue;
    // What failed here fails the reply as well.
    (void)impl_->wait_for(impl_->client->chat(ctx, body, on_event));
  }
  impl_->loop.post([this] { impl_->running = nullptr; });
  return *exchange->done;
}

const std::string& ChatSession::greeting() const { return impl_->greeting; }

}  // namespace skep::cli
