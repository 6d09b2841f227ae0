// One HTTP request and its answer over libcurl, without redirects.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "curl_multi.h"
#include "skep/async/wait.h"
#include "skep/net/http_client.h"

namespace skep::net {

// Easy handles kept for the next request: making one costs more than a loopback round trip's worth
// of system calls.
class EasyPool {
 public:
  ~EasyPool();
  CURL* take();
  void give(CURL* easy);

 private:
  std::vector<CURL*> idle_;
};

// The client keeps what the pointers point to.
struct ExchangeDeps {
  std::shared_ptr<CurlMulti> multi;
  std::shared_ptr<EasyPool> handles;
  const EgressGuard* guard = nullptr;  // null: unguarded
  const char* user_agent = "";
  const char* no_proxy = "";
  curl_slist* hosts = nullptr;  // known addresses
};

// Lives in the coroutine that waits for it; its end is the request's end.
class HttpExchange final : public CurlJob {
 public:
  // `request` outlives the exchange. `follow`: a redirect is not the answer, its body is thrown
  // away.
  HttpExchange(ExchangeDeps deps, const HttpRequest& request, std::string url,
               const Headers& headers, bool follow, BodySink* sink,
               const std::function<void(const HttpResponse&)>* head);
  ~HttpExchange() override;
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  // Until the whole answer is there; on any failure the connection is given up.
  Task<Result<void>> run(const Ctx& ctx);
  HttpResponse take_response() { return std::move(response_); }
  // Where a redirect points to, absolute; empty when the answer is none that is to be followed.
  [[nodiscard]] std::string redirect_target() const;

 private:
  enum class Phase { kConnecting, kAwaitingAnswer, kReceiving };

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static int on_connected(void* self, char* address, char* local, int port, int local_port);
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);

  void set_options();
  void set_method();
  void set_headers(const Headers& headers);
  bool take_header_line(std::string_view line);
  bool finish_head();
  bool take_body(std::string_view bytes);
  bool refuse(Error error);
  void finished(CURLcode code) override;
  [[nodiscard]] Result<void> outcome() const;
  [[nodiscard]] SteadyTime phase_deadline() const;
  [[nodiscard]] SteadyTime next_check() const;
  [[nodiscard]] Error overdue() const;
  [[nodiscard]] bool is_redirect() const;
  // For messages and the guard; never the whole URL, whose query may hold keys.
  [[nodiscard]] const std::string& host() const;

  ExchangeDeps deps_;
  const HttpRequest& request_;
  std::string url_;
  mutable std::string host_;  // parsed when asked for
  bool follow_;
  BodySink* sink_;
  const std::function<void(const HttpResponse&)>* head_;

  CURL* easy_;
  curl_slist* sent_headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  Signal done_;
  std::optional<CURLcode> code_;
  std::optional<Error> refusal_;  // why one of our callbacks ended the transfer
  Phase phase_ = Phase::kConnecting;
  SteadyTime last_event_;
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool head_done_ = false;
};

}  // namespace skep::net
