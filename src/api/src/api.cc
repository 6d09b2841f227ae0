#include "skep/api/api.h"

#include <unistd.h>

#include "rate_limit.h"
#include "routes.h"
#include "safe_responder.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::api {

namespace {

// "127.0.0.1:4545" -> "127.0.0.1"; "[::1]:80" -> "[::1]"
std::string_view host_of(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return authority;
  return authority.substr(0, colon);
}

bool is_local_name(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

class ApiImpl final : public Api {
 public:
  ApiImpl(std::string home, Deps deps)
      : home_(std::move(home)),
        deps_(std::move(deps)),
        token_(hex_encode(random_bytes(24))),
        limit_(deps_.kernel.config().api_rate) {}

  Task<Result<void>> start(std::string listen) {
    listens_locally_ = is_local_name(host_of(listen)) || listen.starts_with("unix:");
    net::HttpServer::Deps server{
        .loop = deps_.loop,
        .handler = [this](Ctx ctx, const net::ServerRequest& request, net::Responder& responder) {
          return handle(std::move(ctx), request, responder);
        }};
    SKEP_CO_TRY(server_, co_await net::HttpServer::open(std::move(listen), std::move(server)));
    const DaemonFile file{.pid = getpid(),
                          .address = server_->address(),
                          .token = token_,
                          .started_at = format_rfc3339(deps_.kernel.started()),
                          .version = std::string(kernel::version())};
    co_return file.write(home_);
  }

  std::string address() const override { return server_->address(); }

  Task<void> close(Ctx ctx) override {
    DaemonFile::remove(home_);
    if (server_) co_await server_->close(ctx);
  }

 private:
  Task<void> handle(Ctx ctx, const net::ServerRequest& request, net::Responder& plain) {
    SafeResponder responder(plain);
    Result<void> done = co_await dispatch(std::move(ctx), request, responder);
    if (done) co_return;
    const Error& error = done.error();
    if (error.code == Code::kInternal)
      log::error("api", "{} {}: {}", request.method, request.path, error.message);
    if (responder.started()) {
      const std::string data = error_body(error);
      (void)co_await responder.write_event("error", data);  // the watcher may be gone
      co_return;
    }
    (void)co_await responder.send_json(http_status(error.code), error_body(error));
  }

  Task<Result<void>> dispatch(Ctx ctx, const net::ServerRequest& request,
                              net::Responder& responder) {
    SKEP_CO_TRY_VOID(check_origin(request));
    std::string_view name;
    const Result<const Route*> route = find_route(request, name);
    const bool owner = has_token(request);
    const auto verdict = limit_.take(RateLimit::client_of(request.peer), owner,
                                     route ? cost_of(**route) : unknown_route_cost,
                                     std::chrono::steady_clock::now());
    if (!verdict.pass) co_return co_await send_too_fast(responder, verdict.wait);
    if (!route) co_return fail(route.error());
    if ((*route)->needs_token && !owner) {
      co_return fail(Code::kUnauthenticated,
                     "send the token of daemon.json as \"Authorization: Bearer …\"");
    }
    SKEP_CO_TRY_VOID(authorize(**route, name));
    co_return co_await (*route)->handle(std::move(ctx),
                                        RouteContext{deps_, request, responder, name});
  }

  static Result<const Route*> find_route(const net::ServerRequest& request,
                                         std::string_view& name) {
    bool path_known = false;
    for (const Route& route : routes()) {
      if (!path_matches(route.path, request.path, name)) continue;
      path_known = true;
      if (route.method == request.method) return &route;
    }
    if (path_known)
      return fail(Code::kUnsupported, request.method + " is not possible on " + request.path);
    return fail(Code::kNotFound, "no such route: " + request.path);
  }

  static Task<Result<void>> send_too_fast(net::Responder& responder, std::chrono::seconds wait) {
    const Error error{Code::kExhausted,
                      fmt::format("too many requests; try again in {} s", wait.count())};
    net::Headers headers{{"Content-Type", "application/json"},
                         {"Retry-After", std::to_string(wait.count())}};
    std::string body = error_body(error);
    co_return co_await responder.send(http_status(error.code), std::move(headers), std::move(body));
  }

  // Who has the token is this system's owner; what changes something is written down all the same.
  Result<void> authorize(const Route& route, std::string_view name) {
    if (!route.act) return {};
    const authority::Question question{
        .principal = {.id = "owner@api", .admin = true, .role = Role::kOwner},
        .action = *route.act,
        .resource = authority::takes_resource(*route.act) ? std::string(name) : std::string(),
        .direct = true,
        .detail = fmt::format("{} {}", route.method, route.path)};
    const authority::Decision decision = deps_.kernel.authority().authority().authorize(question);
    if (decision.outcome == authority::Decision::Outcome::kAllow) return {};
    return fail(Code::kDenied, decision.reason);
  }

  // A web page the user happens to visit must not reach a daemon on loopback: neither under a name
  // of its own that it has pointed here (DNS rebinding), nor by a cross-site request.
  Result<void> check_origin(const net::ServerRequest& request) const {
    const std::string_view host = host_of(net::find_header(request.headers, "host"));
    if (listens_locally_ && !host.empty() && !is_local_name(host)) {
      return fail(Code::kDenied, "this daemon answers to localhost only");
    }
    std::string_view origin = net::find_header(request.headers, "origin");
    if (origin.empty()) return {};
    if (const std::size_t scheme = origin.find("://"); scheme != std::string_view::npos) {
      origin.remove_prefix(scheme + 3);
    }
    if (origin != net::find_header(request.headers, "host")) {
      return fail(Code::kDenied, "cross-site requests are refused");
    }
    return {};
  }

  bool has_token(const net::ServerRequest& request) const {
    constexpr std::string_view kBearer = "Bearer ";
    const std::string_view given = net::find_header(request.headers, "authorization");
    // Of digests, so that not even the length shows.
    return given.starts_with(kBearer) &&
           equal_in_constant_time(sha256(given.substr(kBearer.size())), sha256(token_));
  }

  std::string home_;
  Deps deps_;
  std::string token_;
  RateLimit limit_;
  bool listens_locally_ = true;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace

Task<Result<std::unique_ptr<Api>>> Api::open(std::string listen, std::string home, Deps deps) {
  auto api = std::make_unique<ApiImpl>(std::move(home), std::move(deps));
  SKEP_CO_TRY_VOID(co_await api->start(std::move(listen)));
  std::unique_ptr<Api> result = std::move(api);
  co_return result;
}

}  // namespace skep::api
