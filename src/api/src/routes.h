// The HTTP routes: one table for dispatch, authorisation and documentation.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "skep/api/api.h"
#include "skep/authority/capability.h"

namespace skep::api {

struct RouteContext {
  Api::Deps& deps;
  const net::ServerRequest& request;
  net::Responder& responder;
  std::string_view name = {};  // what stands for {name} in the route's path
};

struct Route {
  std::string_view method;
  std::string_view path;  // one segment may be {name}
  bool needs_token;
  std::string_view summary;
  Task<Result<void>> (*handle)(Ctx ctx, RouteContext context);
  // What it changes, for the authority and the audit; nothing: it only looks.
  std::optional<authority::Action> act = {};
};
// Units of [api.rate_limit] that a request takes.
int cost_of(const Route& route);
inline constexpr int unknown_route_cost = 5;

std::span<const Route> routes();
// Whether `path` is one of `pattern`; `name` is then what stands for {name}.
bool path_matches(std::string_view pattern, std::string_view path, std::string_view& name);

// /api/fabric/routes and /vpns, changed (fabric_rules.cc). The body is the entry, or what names it.
Task<Result<void>> post_fabric_route(Ctx ctx, RouteContext context);
Task<Result<void>> delete_fabric_route(Ctx ctx, RouteContext context);
Task<Result<void>> post_fabric_vpn(Ctx ctx, RouteContext context);
Task<Result<void>> delete_fabric_vpn(Ctx ctx, RouteContext context);

// The JSON body of an error answer: {"error":{"code":…,"message":…}}.
std::string error_body(const Error& error);

}  // namespace skep::api
