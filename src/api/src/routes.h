// The HTTP routes: one table for dispatch, authorisation and documentation.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "skep/api/api.h"

namespace skep::api {

struct RouteContext {
  Api::Deps& deps;
  const net::ServerRequest& request;
  net::Responder& responder;
};

struct Route {
  std::string_view method;
  std::string_view path;  // "/api/x/*": with one more part behind the slash
  bool needs_token;
  std::string_view summary;
  Task<Result<void>> (*handle)(Ctx ctx, RouteContext context);
};

std::span<const Route> routes();
bool matches(const Route& route, std::string_view path);
// Of a route "/api/x/*": that part.
std::string_view last_part(std::string_view path);

// The JSON body of an error answer: {"error":{"code":…,"message":…}}.
std::string error_body(const Error& error);

}  // namespace skep::api
