#include <curl/curl.h>

#include <array>
#include <atomic>
#include <cstring>

#include "curl_multi.h"
#include "skep/async/pool.h"
#include "skep/base/text.h"
#include "skep/net/mail.h"

namespace skep::net {
namespace {

constexpr long kConnectMs = 10'000;
constexpr std::size_t kAnswerShown = 200;  // of what the server said
constexpr std::size_t kWaitingMax = 64;    // mails that wait for the thread

using Stop = std::shared_ptr<std::atomic<bool>>;

// One mail, start to end, on a thread that may wait. Owns all it touches.
class Submission {
 public:
  Submission(const MailServer& server, const Mail& mail, std::string text, Stop stop)
      : text_(std::move(text)), stop_(std::move(stop)), easy_(curl_easy_init()) {
    const std::string from = fmt::format("<{}>", mail.from), to = fmt::format("<{}>", mail.to);
    to_ = curl_slist_append(nullptr, to.c_str());
    set(CURLOPT_URL, server.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_PROXY, "");  // one for the web does not carry mail
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(Mailer::time_max.count()));
    set(CURLOPT_ERRORBUFFER, error_text_.data());
    set(CURLOPT_USE_SSL, static_cast<long>(server.tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (!server.ca_file.empty()) set(CURLOPT_CAINFO, server.ca_file.c_str());
    if (!server.user.empty()) {
      set(CURLOPT_USERNAME, server.user.c_str());
      set(CURLOPT_PASSWORD, std::string(server.password.reveal()).c_str());
    }
    set(CURLOPT_MAIL_FROM, from.c_str());
    set(CURLOPT_MAIL_RCPT, to_);
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Submission::on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Submission::on_answer);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Submission::on_progress);
    set(CURLOPT_XFERINFODATA, this);
  }
  ~Submission() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(to_);
  }
  Submission(const Submission&) = delete;
  Submission& operator=(const Submission&) = delete;

  Result<void> run() {
    const CURLcode code = curl_easy_perform(easy_);
    if (code == CURLE_OK) return {};
    if (code == CURLE_ABORTED_BY_CALLBACK)
      return fail(Code::kCancelled, "sending a mail was cancelled");
    if (code == CURLE_OPERATION_TIMEDOUT)
      return fail(Code::kTimeout, "the mail server did not take it in the time allowed");
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    const bool answered = code == CURLE_SEND_ERROR || code == CURLE_LOGIN_DENIED ||
                          code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY ||
                          code == CURLE_UPLOAD_FAILED;
    const std::string said = to_valid_utf8(answer_);
    if (answered && status / 100 == 5)
      return fail(Code::kDenied, fmt::format("the mail server refused: {}", said));
    if (answered && status / 100 == 4)
      return fail(Code::kUnavailable, fmt::format("the mail server puts it off: {}", said));
    const std::string_view why =
        error_text_[0] != '\0' ? std::string_view(error_text_.data()) : curl_easy_strerror(code);
    return fail(Code::kUnavailable, fmt::format("the mail server: {}", why));
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy_, option, value);
  }
  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self) {
    auto& mine = *static_cast<Submission*>(self);
    const std::size_t bytes = std::min(size * count, mine.text_.size() - mine.sent_);
    std::memcpy(into, mine.text_.data() + mine.sent_, bytes);
    mine.sent_ += bytes;
    return bytes;
  }
  // The lines of the server's answers: the last that refuses says why.
  static std::size_t on_answer(char* data, std::size_t size, std::size_t count, void* self) {
    const std::string_view line = trim({data, size * count});
    if (line.starts_with('4') || line.starts_with('5'))
      static_cast<Submission*>(self)->answer_ = line.substr(0, kAnswerShown);
    return size * count;
  }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Submission*>(self)->stop_->load() ? 1 : 0;
  }

  std::string text_;
  Stop stop_;
  std::size_t sent_ = 0;
  CURL* easy_;
  curl_slist* to_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  std::string answer_;
};

class CurlMailer final : public Mailer {
 public:
  CurlMailer(Loop& loop, MailServer server)
      : server_(std::move(server)), thread_(loop, 1, kWaitingMax) {}
  // A mail whose sender does not wait any more is given up within a second.
  ~CurlMailer() override { stop_->store(true); }

  Task<Result<void>> send(Ctx ctx, Mail mail) override {
    SKEP_CO_TRY(std::string text, mail_text(mail));
    std::function<Result<void>()> work = [server = server_, mail = std::move(mail),
                                          text = std::move(text), stop = stop_] {
      return Submission(server, mail, text, stop).run();
    };
    SKEP_CO_TRY(const Result<void> sent, co_await thread_.run(std::move(ctx), std::move(work)));
    co_return sent;
  }

 private:
  Stop stop_ = std::make_shared<std::atomic<bool>>(false);
  MailServer server_;
  Pool thread_;
};

}  // namespace

Result<std::unique_ptr<Mailer>> Mailer::open(Loop& loop, MailServer server) {
  const bool smtps = starts_with_ignoring_ascii_case(server.url, "smtps://");
  if (!smtps && !starts_with_ignoring_ascii_case(server.url, "smtp://"))
    return fail(Code::kInvalid, "a mail server's address begins with smtp:// or smtps://");
  init_curl();
  return std::make_unique<CurlMailer>(loop, std::move(server));
}

}  // namespace skep::net
