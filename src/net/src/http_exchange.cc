#include "http_exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>

#include "skep/base/text.h"

namespace skep::net {
namespace {

constexpr std::size_t kHandlesMax = 32;              // easy handles kept between requests
constexpr std::size_t kHeaderBytesMax = 256u << 10;  // of one answer's head
constexpr std::size_t kRedirectBodyMax =
    64u << 10;  // read from a redirect to keep its connection; more closes it

std::string_view phrase(CURLcode code, const std::array<char, CURL_ERROR_SIZE>& text) {
  return text[0] != '\0' ? std::string_view(text.data())
                         : std::string_view(curl_easy_strerror(code));
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string host_of(const std::string& url_text) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  char* host = nullptr;
  if (curl_url_set(url.get(), CURLUPART_URL, url_text.c_str(), 0) != CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return "the server";
  }
  std::string copy(host);
  curl_free(host);
  return copy;
}

}  // namespace

EasyPool::~EasyPool() {
  for (CURL* easy : idle_) curl_easy_cleanup(easy);
}

CURL* EasyPool::take() {
  if (idle_.empty()) return curl_easy_init();
  CURL* easy = idle_.back();
  idle_.pop_back();
  return easy;
}

void EasyPool::give(CURL* easy) {
  if (easy == nullptr) return;  // libcurl had no memory
  if (idle_.size() >= kHandlesMax) return curl_easy_cleanup(easy);
  curl_easy_reset(easy);
  idle_.push_back(easy);
}

HttpExchange::HttpExchange(ExchangeDeps deps, const HttpRequest& request, std::string url,
                           const Headers& headers, bool follow, BodySink* sink,
                           const std::function<void(const HttpResponse&)>* head)
    : deps_(std::move(deps)),
      request_(request),
      url_(std::move(url)),
      follow_(follow),
      sink_(sink),
      head_(head),
      easy_(deps_.handles->take()) {
  response_.final_url = url_;
  set_options();
  set_method();
  set_headers(headers);
}

HttpExchange::~HttpExchange() {
  deps_.multi->stop(easy_);
  deps_.handles->give(easy_);
  curl_slist_free_all(sent_headers_);
}

void HttpExchange::set_options() {
  const auto set = [this](CURLoption option, auto value) {
    curl_easy_setopt(easy_, option, value);
  };
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT,
      1L);  // or giving up during a name lookup would block until the lookup ends
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
  set(CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &HttpExchange::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &HttpExchange::on_connected);
  set(CURLOPT_PREREQDATA, this);
  if (deps_.hosts != nullptr) set(CURLOPT_RESOLVE, deps_.hosts);
  if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
  if (deps_.guard != nullptr) {
    set(CURLOPT_PROXY, "");  // a proxy would connect where we cannot look
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(CURLOPT_OPENSOCKETFUNCTION, &HttpExchange::on_open);
    set(CURLOPT_OPENSOCKETDATA, this);
  } else {
    set(CURLOPT_NOPROXY, deps_.no_proxy);
  }
}

void HttpExchange::set_method() {
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  const bool has_body = !request_.body.empty() || request_.method == "POST" ||
                        request_.method == "PUT" || request_.method == "PATCH";
  if (has_body) {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
  }
  const std::string_view implied = has_body ? "POST" : "GET";
  if (request_.method != implied)
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void HttpExchange::set_headers(const Headers& headers) {
  const auto add = [this](const std::string& line) {
    sent_headers_ = curl_slist_append(sent_headers_, line.c_str());
  };
  add("Expect:");  // libcurl would wait a second for "100 Continue" before a large body
  if (find_header(headers, "Content-Type").empty()) add("Content-Type:");
  if (find_header(headers, "User-Agent").empty() && *deps_.user_agent != '\0') {
    add(fmt::format("User-Agent: {}", deps_.user_agent));
  }
  for (const auto& [name, value] : headers) {
    add(value.empty() ? name + ";"
                      : fmt::format("{}: {}", name, value));  // "Name:" would mean: leave it out
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, sent_headers_);
}

Task<Result<void>> HttpExchange::run(const Ctx& ctx) {
  last_event_ = std::chrono::steady_clock::now();
  deps_.multi->start(easy_, *this);
  while (!code_) {
    Ctx step = ctx;
    step.deadline = std::min(ctx.deadline, next_check());
    const auto waited = co_await done_.wait(std::move(step));
    if (waited || code_) continue;
    if (waited.error().code == Code::kCancelled)
      co_return fail(Code::kCancelled, fmt::format("request to {} cancelled", host()));
    if (!ctx.check())
      co_return fail(Code::kTimeout,
                     fmt::format("no full answer from {} in the time allowed", host()));
    if (std::chrono::steady_clock::now() >= phase_deadline()) co_return fail(overdue());
  }
  co_return outcome();
}

void HttpExchange::finished(CURLcode code) {
  code_ = code;
  done_.notify_all();
}

Result<void> HttpExchange::outcome() const {
  if (*code_ == CURLE_OK || is_redirect()) return {};
  if (refusal_) return fail(*refusal_);
  const std::string_view why = phrase(*code_, error_text_);
  switch (*code_) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      if (phase_ == Phase::kConnecting)
        return fail(Code::kInvalid, fmt::format("bad URL: {}", why));
      break;  // an answer that is no HTTP
    case CURLE_COULDNT_CONNECT: {
      long os_error = 0;
      curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
      if (os_error == 0) break;
      return fail(Code::kUnavailable, fmt::format("request to {} failed: {} ({})", host(), why,
                                                  std::strerror(static_cast<int>(os_error))));
    }
    case CURLE_SSL_CACERT_BADFILE:
      return fail(Code::kInvalid, fmt::format("CA file {}: {}", request_.ca_file, why));
    case CURLE_OPERATION_TIMEDOUT:
      return fail(Code::kTimeout, fmt::format("connecting to {} took over {} ms", host(),
                                              request_.connect_timeout.count()));
    default:
      break;
  }
  return fail(Code::kUnavailable, fmt::format("request to {} failed: {}", host(), why));
}

// Connecting is timed by libcurl.
SteadyTime HttpExchange::phase_deadline() const {
  switch (phase_) {
    case Phase::kConnecting:
      return SteadyTime::max();
    case Phase::kAwaitingAnswer:
      return last_event_ + request_.first_byte_timeout;
    case Phase::kReceiving:
      return last_event_ + request_.idle_timeout;
  }
  return SteadyTime::max();
}

// Callbacks only note the time, they do not re-arm a timer: no phase that begins later can be
// overdue before the shorter of the two timeouts from now.
SteadyTime HttpExchange::next_check() const {
  const auto shortest = std::min(request_.first_byte_timeout, request_.idle_timeout);
  return std::min(phase_deadline(), std::chrono::steady_clock::now() + shortest);
}

Error HttpExchange::overdue() const {
  if (phase_ == Phase::kAwaitingAnswer) {
    return {Code::kTimeout, fmt::format("{} sent no answer within {} ms", host(),
                                        request_.first_byte_timeout.count())};
  }
  return {Code::kTimeout, fmt::format("{} went silent for {} ms in mid-answer", host(),
                                      request_.idle_timeout.count())};
}

// False, which ends the transfer.
bool HttpExchange::refuse(Error error) {
  if (!refusal_) refusal_ = std::move(error);
  return false;
}

int HttpExchange::on_connected(void* self, char* address, char*, int port, int) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.phase_ = Phase::kAwaitingAnswer;
  exchange.last_event_ = std::chrono::steady_clock::now();
  if (exchange.deps_.guard == nullptr) return CURL_PREREQFUNC_OK;
  auto checked = exchange.deps_.guard->check_address(address, static_cast<std::uint16_t>(port),
                                                     exchange.host());
  if (checked) return CURL_PREREQFUNC_OK;
  exchange.refuse(std::move(checked).error());
  return CURL_PREREQFUNC_ABORT;
}

// Guarded requests only: looks at the very address that is about to be connected to.
curl_socket_t HttpExchange::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  std::array<char, INET6_ADDRSTRLEN> text{};
  std::uint16_t port = 0;
  if (address->family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address->addr);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    port = ntohs(v4->sin_port);
  } else if (address->family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address->addr);
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    port = ntohs(v6->sin6_port);
  }
  auto checked = exchange.deps_.guard->check_address(text.data(), port, exchange.host());
  if (!checked) {
    exchange.refuse(std::move(checked).error());
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t HttpExchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.last_event_ = std::chrono::steady_clock::now();
  exchange.phase_ = Phase::kReceiving;
  return exchange.take_header_line({data, size * count}) ? size * count : CURL_WRITEFUNC_ERROR;
}

bool HttpExchange::take_header_line(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kHeaderBytesMax) {
    return refuse({Code::kTooLarge, fmt::format("the head of {}'s answer is over {} bytes", host(),
                                                kHeaderBytesMax)});
  }
  if (head_done_) return true;  // trailers, after the body
  const bool folded = line.starts_with(' ') || line.starts_with('\t');
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();
    const auto space = line.find(' ');
    const std::string_view digits =
        space == std::string_view::npos ? "" : line.substr(space + 1, 3);
    std::from_chars(digits.data(), digits.data() + digits.size(), response_.status);
    return true;
  }
  if (line.empty()) return response_.status / 100 == 1 || finish_head();
  if (folded && !response_.headers.empty()) {
    response_.headers.back().second.append(" ").append(trim(line));
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  response_.headers.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  return true;
}

bool HttpExchange::finish_head() {
  head_done_ = true;
  if (!is_redirect() && head_ != nullptr && *head_) (*head_)(response_);
  return true;
}

std::size_t HttpExchange::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.last_event_ = std::chrono::steady_clock::now();
  return exchange.take_body({data, size * count}) ? size * count : CURL_WRITEFUNC_ERROR;
}

bool HttpExchange::take_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (is_redirect()) return body_bytes_ <= kRedirectBodyMax;
  if (body_bytes_ > request_.body_bytes_max) {
    return refuse({Code::kTooLarge, fmt::format("the body from {} is over {} bytes", host(),
                                                request_.body_bytes_max)});
  }
  if (sink_ == nullptr || !*sink_ || response_.status / 100 != 2) {
    response_.body.append(bytes);
    return true;
  }
  return (*sink_)(bytes) || refuse({Code::kCancelled, "ended by the receiver"});
}

const std::string& HttpExchange::host() const {
  if (host_.empty()) host_ = host_of(url_);
  return host_;
}

bool HttpExchange::is_redirect() const {
  const int status = response_.status;
  const bool redirects =
      status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  return follow_ && head_done_ && redirects && !find_header(response_.headers, "Location").empty();
}

std::string HttpExchange::redirect_target() const {
  if (!is_redirect()) return {};
  const std::string location(find_header(response_.headers, "Location"));
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  char* text = nullptr;
  if (curl_url_set(url.get(), CURLUPART_URL, url_.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) {
    return location;  // refused by the checks of the next hop
  }
  std::string target(text);
  curl_free(text);
  return target;
}

}  // namespace skep::net
