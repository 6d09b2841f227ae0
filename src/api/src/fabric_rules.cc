// The hive's routes and zones as an operator changes them: what SY.config does for system nodes.
#include "routes.h"
#include "skep/base/json.h"

namespace skep::api {

namespace {

Code code_of(std::string_view error_code) {
  if (error_code == "NOT_FOUND") return Code::kNotFound;
  if (error_code.starts_with("DUPLICATE_")) return Code::kExists;
  if (error_code == "TOO_LARGE") return Code::kTooLarge;
  if (error_code == "PERSIST_FAILED") return Code::kUnavailable;
  return Code::kInvalid;
}

Task<Result<void>> change(RouteContext context, std::string_view action, std::string_view section) {
  fabric::ConfigLog* log = context.deps.kernel.config_log();
  if (log == nullptr) {
    co_return fail(Code::kUnavailable, "this daemon has no fabric to route on: start `skep up`");
  }
  SKEP_CO_TRY(const json::value entry, parse_json(context.request.body));
  if (!entry.is_object()) co_return fail(Code::kInvalid, "the body must be one entry, an object");
  json::value answer = log->command(action, entry);
  if (get_string(answer, "status") != "ok") {
    co_return fail(code_of(get_string(answer, "error_code")),
                   std::string(get_string(answer, "error_detail")));
  }
  const fabric::ConfigVersion now = log->version(section);
  json::object& rules = answer.as_object();
  rules.erase("status");
  rules.erase("config_version");
  rules["version"] = now.version;
  rules["origin"] = now.origin;
  const std::string body = to_json(rules);
  co_return co_await context.responder.send_json(200, body);
}

}  // namespace

Task<Result<void>> post_fabric_route(Ctx, RouteContext context) {
  co_return co_await change(context, "add_route", "routes");
}
Task<Result<void>> delete_fabric_route(Ctx, RouteContext context) {
  co_return co_await change(context, "delete_route", "routes");
}
Task<Result<void>> post_fabric_vpn(Ctx, RouteContext context) {
  co_return co_await change(context, "add_vpn", "zones");
}
Task<Result<void>> delete_fabric_vpn(Ctx, RouteContext context) {
  co_return co_await change(context, "delete_vpn", "zones");
}

}  // namespace skep::api
