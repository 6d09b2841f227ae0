// HTTP/1.1 and 2 client: pooled keep-alive connections, streaming bodies, real cancellation.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/loop.h"
#include "skep/async/task.h"
#include "skep/net/egress.h"

namespace skep::net {

using Headers = std::vector<std::pair<std::string, std::string>>;
// The first header of that name, compared without case; empty when absent.
std::string_view find_header(const Headers& headers, std::string_view name);

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  std::chrono::milliseconds connect_timeout{10'000};
  // From sending to the first byte of the answer.
  std::chrono::milliseconds first_byte_timeout{120'000};
  std::chrono::milliseconds idle_timeout{60'000};  // between two pieces of the body
  std::size_t body_bytes_max = 32u << 20;          // decompressed; more fails with kTooLarge
  // Followed for GET and HEAD only; each hop is checked like the first, never https to http.
  // Headers that look like credentials stay behind when the origin changes. 0: the redirect is the
  // answer.
  int redirects_max = 0;
  // Asked with the address before each hop but the first; what it refuses with ends the request.
  std::function<Result<void>(const std::string& url)> may_follow = {};
  // Apply the EgressGuard: true for every URL that a model or a person chose.
  bool guarded = false;
  std::string ca_file;  // PEM; empty: the system's store
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;       // empty when a sink took it
  std::string final_url;  // after redirects
};

// Called on the loop thread with each piece of a 2xx body (any other status collects into
// HttpResponse::body). Return false to end the request: fetch then fails with kCancelled. Must not
// destroy the client or await.
using BodySink = std::function<bool(std::string_view)>;

// Loop thread only. Requests run side by side; each fetch owns its request. No fetch may be under
// way at destruction.
class HttpClient {
 public:
  struct Deps {
    Loop& loop;
    EgressGuard guard{};
    std::string user_agent = "skep";
    std::size_t connections_per_host_max = 32;
    // "name:port:address", asked before DNS, as lines of /etc/hosts are.
    std::vector<std::string> hosts{};
  };
  static Result<std::unique_ptr<HttpClient>> open(Deps deps);
  virtual ~HttpClient() = default;

  // Any HTTP status is success; failures are of transport: kUnavailable (connection refused, reset,
  // DNS, TLS; message says which), kTimeout, kCancelled, kTooLarge, kDenied (guard). When the Ctx
  // ends the connection is closed at once, so the server sees the request abandoned. `head` is
  // called once, when status and headers are known, before any body.
  virtual Task<Result<HttpResponse>> fetch(Ctx ctx, HttpRequest request, BodySink sink = {},
                                           std::function<void(const HttpResponse&)> head = {}) = 0;
};

}  // namespace skep::net
