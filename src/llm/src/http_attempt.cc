#include "http_attempt.h"

#include <utility>

#include "classify.h"
#include "skep/base/secret.h"
#include "skep/base/text.h"
#include "skep/net/sse.h"

namespace skep::llm {
namespace {

// Takes the body's pieces as they come. The first failure ends the request.
class Intake {
 public:
  Intake(const HttpAttempt& attempt, StreamDecoder& decoder)
      : attempt_(attempt), decoder_(decoder) {}

  // False: enough, close the connection.
  bool take(std::string_view bytes) {
    if (events_ == 0) kept_ += bytes.substr(0, kReplyKeptBytesMax - kept_.size());
    Step step = attempt_.framing == Framing::kSse ? take_sse(bytes) : take_lines(bytes);
    if (!step) failure_ = std::move(step).error();
    return !failure_;
  }

  std::expected<Response, Failure> finish() {
    if (failure_) return std::unexpected(judged(*std::move(failure_)));
    if (Step step = take_rest(); !step) return std::unexpected(judged(std::move(step).error()));
    auto answer = decoder_.finish();
    if (!answer) return std::unexpected(judged(std::move(answer).error()));
    return answer;
  }

  [[nodiscard]] bool failed() const { return failure_.has_value(); }

 private:
  Step decode(std::string_view name, std::string_view data) {
    Step step = decoder_.event(name, data);
    if (step) ++events_;
    return step;
  }

  Step take_sse(std::string_view bytes) {
    std::vector<net::SseEvent> events;
    auto fed = sse_.feed(bytes, events);
    return decode_all(events, std::move(fed));
  }

  Step decode_all(const std::vector<net::SseEvent>& events, Result<void> fed) {
    for (const net::SseEvent& event : events) {
      if (Step step = decode(event.event, event.data); !step) return step;
    }
    if (!fed) return unusable(fmt::format("{}: {}", attempt_.provider, fed.error().message), false);
    return {};
  }

  Step take_lines(std::string_view bytes) {
    std::vector<std::string> found;
    auto fed = lines_.feed(bytes, found);
    for (const std::string& line : found) {
      if (Step step = decode({}, line); !step) return step;
    }
    if (!fed) return unusable(fmt::format("{}: {}", attempt_.provider, fed.error().message), false);
    return {};
  }

  // What the end of the body completes: the last event without its blank line, the last line
  // without its end, or a whole JSON object from a server that does not stream.
  Step take_rest() {
    if (attempt_.framing == Framing::kLines) {
      std::string line = lines_.rest();
      return line.empty() ? Step() : decode({}, line);
    }
    std::vector<net::SseEvent> events;
    auto ended = sse_.finish(events);
    if (Step step = decode_all(events, std::move(ended)); !step) return step;
    if (events_ == 0 && trim(kept_).starts_with('{')) return decode({}, trim(kept_));
    return {};
  }

  // A reply without a single event was something else than an answer: say what.
  Failure judged(Failure failure) const {
    bool nothing = events_ == 0 && failure.error.code != Code::kCancelled;
    if (nothing && trim(kept_).starts_with('<')) {
      return classify_reply(attempt_.provider, 200, {}, kept_, Clock::system().now());
    }
    if (nothing && trim(kept_).empty()) {
      failure.error = {Code::kUnavailable,
                       fmt::format("{}: the answer was empty", attempt_.provider)};
      failure.retryable = true;
    }
    return failure;
  }

  const HttpAttempt& attempt_;
  StreamDecoder& decoder_;
  net::SseParser sse_{{.line_bytes_max = kStreamLineBytesMax}};
  LineReader lines_{kStreamLineBytesMax};
  std::string kept_;
  std::size_t events_ = 0;
  std::optional<Failure> failure_;
};

// The last door before people and logs: whatever a server repeats, the key stays here.
Failure scrubbed(Failure failure, const Secret& key) {
  if (!key.empty())
    failure.error.message = replace_all(std::move(failure.error.message), key.reveal(), "…");
  return failure;
}

// Keeps what is sent and what comes, where somebody looks.
class RawNote {
 public:
  explicit RawNote(const HttpAttempt& attempt) : key_(attempt.key) {
    if (!attempt.raw) return;
    log_ = attempt.raw;
    url_ = attempt.request.url;
    request_ = attempt.request.body;
  }
  // However the attempt ends.
  ~RawNote() {
    if (!log_) return;
    RawExchange& kept = log_->begin(std::move(url_), without_key(std::move(request_)));
    kept.response.add(without_key(std::move(response_)));
    kept.outcome = std::move(outcome_);
  }
  RawNote(const RawNote&) = delete;
  RawNote& operator=(const RawNote&) = delete;

  void take(std::string_view bytes) {
    if (log_) response_ += bytes.substr(0, kReplyKeptBytesMax - response_.size());
  }
  void ended(const Result<net::HttpResponse>& reply) {
    if (!log_ || !reply) return;
    outcome_ = fmt::format("{}", reply->status);
    if (response_.empty()) take(reply->body);
  }
  void failed(const std::string& why) {
    if (log_) outcome_ += fmt::format("{}{}", outcome_.empty() ? "" : ", ", why);
  }

 private:
  // Whole, before anything is cut: half a key is not known for one.
  std::string without_key(std::string text) const {
    if (!key_.empty()) text = replace_all(std::move(text), key_.reveal(), "…");
    return redact(text, 2 * text.size() + 64);
  }

  const Secret& key_;
  std::shared_ptr<RawLog> log_;
  std::string url_, request_, response_, outcome_;
};

std::expected<Response, Failure> judge(const HttpAttempt& attempt, Result<net::HttpResponse> reply,
                                       Intake& intake, const StreamDecoder& decoder) {
  if (intake.failed()) return intake.finish();
  if (!reply) {
    // A server that says "this was all" but keeps the line open has answered; giving up remains
    // giving up.
    bool ended = decoder.complete() && reply.error().code != Code::kCancelled;
    if (ended) return intake.finish();
    Failure failure = classify_transport(attempt.provider, std::move(reply).error());
    if (decoder.streamed() && failure.error.code == Code::kUnavailable)
      failure = broke_off(attempt.provider);
    return std::unexpected(std::move(failure));
  }
  if (reply->status < 200 || reply->status > 299) {
    return std::unexpected(classify_reply(attempt.provider, reply->status, reply->headers,
                                          reply->body, Clock::system().now()));
  }
  return intake.finish();
}

}  // namespace

net::HttpRequest json_post(std::string url, std::string body, Patience patience) {
  net::HttpRequest request{.method = "POST", .url = std::move(url), .body = std::move(body)};
  request.headers.emplace_back("content-type", "application/json");
  request.first_byte_timeout = patience.first_byte;
  request.idle_timeout = patience.idle;
  request.body_bytes_max = kReplyBytesMax;
  return request;
}

Task<std::expected<Response, Failure>> run_attempt(Ctx ctx, net::HttpClient& http,
                                                   HttpAttempt attempt, StreamDecoder& decoder) {
  Intake intake(attempt, decoder);
  RawNote raw(attempt);
  net::BodySink sink = [&](std::string_view bytes) {
    raw.take(bytes);
    return intake.take(bytes);
  };
  net::HttpRequest request = std::move(attempt.request);
  auto reply = co_await http.fetch(std::move(ctx), std::move(request), std::move(sink));
  raw.ended(reply);
  auto answer = judge(attempt, std::move(reply), intake, decoder);
  if (answer) co_return answer;
  Failure failure = scrubbed(std::move(answer).error(), attempt.key);
  raw.failed(failure.error.message);
  failure.streamed = decoder.streamed();
  failure.usage = decoder.usage();
  co_return std::unexpected(std::move(failure));
}

}  // namespace skep::llm
