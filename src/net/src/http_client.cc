#include "skep/net/http_client.h"

#include <curl/curl.h>

#include <cstdlib>

#include "curl_multi.h"
#include "http_exchange.h"
#include "skep/base/text.h"

namespace skep::net {
namespace {

constexpr std::size_t kHeadersMax = 256;  // sent with one request

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.contains(static_cast<char>(c));
  });
}

bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

Result<void> check_request(const HttpRequest& request) {
  if (!is_token(request.method)) return fail(Code::kInvalid, "HTTP method is no token");
  if (request.url.contains('\0')) return fail(Code::kInvalid, "URL has a NUL byte");
  if (request.headers.size() > kHeadersMax)
    return fail(Code::kTooLarge, fmt::format("over {} headers", kHeadersMax));
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return fail(Code::kInvalid, "HTTP header name is no token");
    if (!is_field_value(value))
      return fail(Code::kInvalid, fmt::format("HTTP header {} has a line break", name));
  }
  return {};
}

// Scheme, host and port: what a browser calls the origin. Empty when the URL has none.
std::string origin_of(const std::string& text) {
  CURLU* url = curl_url();
  std::string origin;
  if (curl_url_set(url, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK) {
    for (const CURLUPart which : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
      char* value = nullptr;
      if (curl_url_get(url, which, &value, CURLU_DEFAULT_PORT) == CURLUE_OK)
        origin += to_lower_ascii(value) + "|";
      curl_free(value);
    }
  }
  curl_url_cleanup(url);
  return origin;
}

bool carries_credentials(std::string_view name) {
  const std::string lower = to_lower_ascii(name);
  static constexpr std::array<std::string_view, 6> kMarks = {"auth", "cookie", "token",
                                                             "key",  "secret", "password"};
  return std::ranges::any_of(kMarks,
                             [&lower](std::string_view mark) { return lower.contains(mark); });
}

// The next hop's URL and headers.
Result<void> follow(const std::string& from, const std::string& to, Headers& headers) {
  const std::string old_origin = origin_of(from);
  const std::string new_origin = origin_of(to);
  if (!new_origin.starts_with("http|") && !new_origin.starts_with("https|")) {
    return fail(Code::kDenied, "redirected to something that is no http or https URL");
  }
  if (old_origin.starts_with("https|") && new_origin.starts_with("http|")) {
    return fail(Code::kDenied, "redirected from https to http");
  }
  if (old_origin != new_origin) {
    std::erase_if(headers, [](const auto& header) { return carries_credentials(header.first); });
  }
  return {};
}

// Proxies of the environment are for the world outside, never for this machine's own services.
std::string no_proxy_list() {
  std::string list = "localhost,127.0.0.0/8,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return list + "," + value;
  }
  return list;
}

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(Deps deps)
      : deps_(std::move(deps)), handles_(std::make_shared<EasyPool>()), no_proxy_(no_proxy_list()) {
    for (const std::string& host : deps_.hosts) hosts_ = curl_slist_append(hosts_, host.c_str());
  }
  ~CurlClient() override { curl_slist_free_all(hosts_); }

  Task<Result<HttpResponse>> fetch(Ctx ctx, HttpRequest request, BodySink sink,
                                   std::function<void(const HttpResponse&)> head) override {
    SKEP_CO_TRY_VOID(ctx.check());
    SKEP_CO_TRY_VOID(check_request(request));
    const bool may_follow =
        request.redirects_max > 0 && (request.method == "GET" || request.method == "HEAD");
    std::string url = request.url;
    Headers headers = request.headers;
    for (int hop = 0;; ++hop) {
      if (request.guarded) SKEP_CO_TRY_VOID(deps_.guard.check_url(url));
      SKEP_CO_TRY(ExchangeDeps deps, exchange_deps(request.guarded));
      HttpExchange exchange(std::move(deps), request, url, headers, may_follow, &sink, &head);
      SKEP_CO_TRY_VOID(co_await exchange.run(ctx));
      std::string next = exchange.redirect_target();
      if (next.empty()) co_return exchange.take_response();
      if (hop == request.redirects_max) {
        co_return fail(Code::kUnavailable,
                       fmt::format("more than {} redirects", request.redirects_max));
      }
      SKEP_CO_TRY_VOID(follow(url, next, headers));
      if (request.may_follow) SKEP_CO_TRY_VOID(request.may_follow(next));
      url = std::move(next);
    }
  }

 private:
  // Guarded and unguarded requests never share a connection: one that was opened without a look at
  // its address must not carry a guarded request.
  Result<ExchangeDeps> exchange_deps(bool guarded) {
    std::shared_ptr<CurlMulti>& multi = guarded ? guarded_ : unguarded_;
    if (!multi) {
      SKEP_TRY(multi, CurlMulti::open(deps_.loop.executor(), deps_.connections_per_host_max));
    }
    return ExchangeDeps{.multi = multi,
                        .handles = handles_,
                        .guard = guarded ? &deps_.guard : nullptr,
                        .user_agent = deps_.user_agent.c_str(),
                        .no_proxy = no_proxy_.c_str(),
                        .hosts = hosts_};
  }

  Deps deps_;
  std::shared_ptr<EasyPool> handles_;
  std::string no_proxy_;
  curl_slist* hosts_ = nullptr;
  std::shared_ptr<CurlMulti> guarded_;
  std::shared_ptr<CurlMulti> unguarded_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::open(Deps deps) {
  if (!is_field_value(deps.user_agent)) return fail(Code::kInvalid, "user agent has a line break");
  return std::make_unique<CurlClient>(std::move(deps));
}

}  // namespace skep::net
