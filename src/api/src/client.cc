#include <charconv>
#include <csignal>

#include "skep/api/api.h"
#include "skep/base/text.h"
#include "skep/net/sse.h"

namespace skep::api {

namespace {

constexpr int kTriesMax = 3;
constexpr int kWaitSecondsMax = 10;

class ClientImpl final : public Client {
 public:
  ClientImpl(net::HttpClient& http, DaemonFile daemon) : http_(http), daemon_(std::move(daemon)) {}

  Task<Result<json::value>> get(Ctx ctx, std::string path) override {
    co_return co_await call(std::move(ctx), "GET", std::move(path), {});
  }
  Task<Result<json::value>> post(Ctx ctx, std::string path, json::value body) override {
    std::string text = to_json(body);
    co_return co_await call(std::move(ctx), "POST", std::move(path), std::move(text));
  }
  Task<Result<json::value>> remove(Ctx ctx, std::string path, json::value body) override {
    std::string text = to_json(body);
    co_return co_await call(std::move(ctx), "DELETE", std::move(path), std::move(text));
  }

  Task<Result<void>> chat(
      Ctx ctx, json::value body,
      std::function<void(std::string_view, const json::value&)> on_event) override {
    net::HttpRequest request = make("POST", "/api/chat", to_json(body));
    // A model may think for minutes before its first word.
    request.first_byte_timeout = request.idle_timeout = std::chrono::minutes(30);
    ChatStream stream(std::move(on_event));
    net::BodySink sink = [&stream](std::string_view bytes) { return stream.feed(bytes); };
    SKEP_CO_TRY(const net::HttpResponse response,
                co_await http_.fetch(std::move(ctx), std::move(request), sink));
    if (response.status != 200) co_return fail(error_of(response));
    co_return stream.finish();
  }

  const DaemonFile& daemon() const override { return daemon_; }

  // Turns {"error":{"code","message"}} back into the Error it was made from.
  static Error error_of_json(const json::value& value, int status) {
    const json::value* error = get_member(value, "error");
    if (error == nullptr)
      return {Code::kUnavailable, fmt::format("the daemon answered with HTTP status {}", status)};
    for (int code = 1; code <= static_cast<int>(Code::kInternal); ++code) {
      if (code_name(static_cast<Code>(code)) == get_string(*error, "code")) {
        return {static_cast<Code>(code), std::string(get_string(*error, "message"))};
      }
    }
    return {Code::kUnavailable, std::string(get_string(*error, "message"))};
  }

 private:
  // The events of one answer as they arrive.
  class ChatStream {
   public:
    explicit ChatStream(std::function<void(std::string_view, const json::value&)> on_event)
        : on_event_(std::move(on_event)) {}

    bool feed(std::string_view bytes) {
      std::vector<net::SseEvent> events;
      outcome_ = parser_.feed(bytes, events);
      for (const net::SseEvent& event : events) take(event);
      return outcome_.has_value();
    }
    Result<void> finish() {
      if (!outcome_) return outcome_;
      if (!replied_)
        return fail(Code::kUnavailable,
                    "the daemon ended before it had answered; /history shows what came later");
      return {};
    }

   private:
    void take(const net::SseEvent& event) {
      const Result<json::value> data = parse_json(event.data);
      if (!data) return;
      if (event.event == "error") {
        outcome_ = fail(error_of_json(*data, 200));
        return;
      }
      replied_ |= event.event == "reply";
      on_event_(event.event, *data);
    }

    std::function<void(std::string_view, const json::value&)> on_event_;
    net::SseParser parser_;
    Result<void> outcome_;
    bool replied_ = false;
  };

  net::HttpRequest make(std::string method, std::string path, std::string body) const {
    return {.method = std::move(method),
            .url = "http://" + daemon_.address + path,
            .headers = {{"Authorization", "Bearer " + daemon_.token},
                        {"Content-Type", "application/json"}},
            .body = std::move(body),
            .connect_timeout = std::chrono::seconds(1)};
  }

  // Who is asked to wait a moment waits it: nothing of a refused request was done.
  Task<Result<net::HttpResponse>> fetch_in_turn(Ctx ctx, net::HttpRequest request) {
    for (int tries = 0;; ++tries) {
      auto response = co_await http_.fetch(ctx, request);
      if (!response || response->status != 429 || tries == kTriesMax) co_return response;
      const std::string_view text = net::find_header(response->headers, "retry-after");
      int seconds = 0;
      std::from_chars(text.data(), text.data() + text.size(), seconds);
      if (seconds < 1 || seconds > kWaitSecondsMax) co_return response;
      SKEP_CO_TRY_VOID(co_await sleep_for(ctx, std::chrono::seconds(seconds)));
    }
  }

  static Error error_of(const net::HttpResponse& response) {
    const Result<json::value> value = parse_json(response.body);
    return error_of_json(value ? *value : json::value(nullptr), response.status);
  }

  Task<Result<json::value>> call(Ctx ctx, std::string method, std::string path, std::string body) {
    net::HttpRequest request = make(std::move(method), std::move(path), std::move(body));
    SKEP_CO_TRY(const net::HttpResponse response,
                co_await fetch_in_turn(std::move(ctx), std::move(request)));
    if (response.status / 100 != 2) co_return fail(error_of(response));
    co_return parse_json(response.body);
  }

  net::HttpClient& http_;
  DaemonFile daemon_;
};

}  // namespace

Task<Result<std::unique_ptr<Client>>> Client::find(Ctx ctx, net::HttpClient& http,
                                                   const std::string& home) {
  Result<DaemonFile> file = DaemonFile::read(home);
  if (!file)
    co_return fail(Code::kNotFound, "no skep is running on " + home + "; start one with `skep up`");
  if (kill(file->pid, 0) != 0 && errno == ESRCH) {
    co_return fail(Code::kNotFound, "skep is not running (its last process, pid " +
                                        std::to_string(file->pid) +
                                        ", has ended); start it with `skep up`");
  }
  // Without the token: another program may hold the port by now.
  const Ctx brief = ctx.within(std::chrono::seconds(1));
  net::HttpRequest request{.url = "http://" + file->address + "/api/health"};
  const Result<net::HttpResponse> health = co_await http.fetch(brief, std::move(request));
  // One that has too much to do (429) is there all the same.
  if (!health || (health->status != 200 && health->status != 429)) {
    co_return fail(Code::kNotFound,
                   fmt::format("skep (pid {}) does not answer on {}", file->pid, file->address));
  }
  std::unique_ptr<Client> result = std::make_unique<ClientImpl>(http, *std::move(file));
  co_return result;
}

}  // namespace skep::api
