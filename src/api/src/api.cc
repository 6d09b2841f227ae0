#include "skep/api/api.h"

#include <unistd.h>

#include "routes.h"
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
      : home_(std::move(home)), deps_(std::move(deps)), token_(hex_encode(random_bytes(24))) {}

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
  Task<void> handle(Ctx ctx, const net::ServerRequest& request, net::Responder& responder) {
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
    bool path_known = false;
    for (const Route& route : routes()) {
      std::string_view name;
      if (!path_matches(route.path, request.path, name)) continue;
      path_known = true;
      if (route.method != request.method) continue;
      if (route.needs_token) SKEP_CO_TRY_VOID(check_token(request));
      co_return co_await route.handle(std::move(ctx),
                                      RouteContext{deps_, request, responder, name});
    }
    if (path_known)
      co_return fail(Code::kUnsupported, request.method + " is not possible on " + request.path);
    co_return fail(Code::kNotFound, "no such route: " + request.path);
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

  Result<void> check_token(const net::ServerRequest& request) const {
    constexpr std::string_view kBearer = "Bearer ";
    const std::string_view given = net::find_header(request.headers, "authorization");
    if (given.starts_with(kBearer) && equal_in_constant_time(given.substr(kBearer.size()), token_))
      return {};
    return fail(Code::kUnauthenticated,
                "send the token of daemon.json as \"Authorization: Bearer …\"");
  }

  std::string home_;
  Deps deps_;
  std::string token_;
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
