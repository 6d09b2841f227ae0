#include "routes.h"

#include <fmt/format.h>

#include <array>

#include "agent_routes.h"
#include "job_routes.h"
#include "skep/base/text.h"
#include "skep/fabric/view.h"

namespace skep::api {

namespace {

using authority::Action;
using channels::ChatEvent;
using channels::WebChannel;

constexpr std::size_t kChatTextBytesMax = 1u << 20;

Task<Result<void>> get_health(Ctx, RouteContext context) {
  const json::object body{{"status", "ok"}, {"version", kernel::version()}};
  co_return co_await context.responder.send_json(200, to_json(body));
}

Task<Result<void>> get_status(Ctx, RouteContext context) {
  const std::string body = to_json(context.deps.kernel.status());
  co_return co_await context.responder.send_json(200, body);
}

Task<Result<void>> post_shutdown(Ctx, RouteContext context) {
  SKEP_CO_TRY_VOID(co_await context.responder.send_json(202, R"({"status":"stopping"})"));
  context.deps.shutdown();
  co_return Result<void>{};
}

Task<Result<void>> post_config_reload(Ctx, RouteContext context) {
  if (!context.deps.reload) co_return fail(Code::kUnsupported, "there is no file to read again");
  const json::object body{{"said", context.deps.reload()}};
  co_return co_await context.responder.send_json(200, to_json(body));
}

Result<WebChannel::ChatRequest> read_chat_request(std::string_view body) {
  SKEP_TRY(const json::value value, parse_json(body));
  WebChannel::ChatRequest request{.peer = std::string(get_string(value, "peer")),
                                  .thread = std::string(get_string(value, "thread")),
                                  .text = std::string(get_string(value, "text")),
                                  .client_id = std::string(get_string(value, "client_id")),
                                  .agent = std::string(get_string(value, "agent"))};
  if (trim(request.text).empty()) return fail(Code::kInvalid, "\"text\" is missing or empty");
  if (request.text.size() > kChatTextBytesMax)
    return fail(Code::kTooLarge, "\"text\" is over 1 MiB");
  if (request.peer.empty() || request.peer.size() > 256) {
    return fail(Code::kInvalid, "\"peer\" must name who speaks, e.g. \"ann@cli\"");
  }
  return request;
}

std::string_view event_name(ChatEvent::Type type) {
  switch (type) {
    case ChatEvent::Type::kStarted:
      return "started";
    case ChatEvent::Type::kText:
      return "text";
    case ChatEvent::Type::kReset:
      return "reset";
    case ChatEvent::Type::kToolStart:
      return "tool_start";
    case ChatEvent::Type::kToolEnd:
      return "tool_end";
    case ChatEvent::Type::kAsk:
      return "ask";
    case ChatEvent::Type::kReply:
      return "reply";
  }
  return "unknown";
}

// The stream's head is sent with the first event, so that a refusal can still be an ordinary error
// answer.
Task<Result<void>> write_chat_event(net::Responder* responder, ChatEvent event) {
  if (!responder->started()) {
    const net::Headers headers{{"Content-Type", "text/event-stream"},
                               {"Cache-Control", "no-store"}};
    SKEP_CO_TRY_VOID(co_await responder->start_stream(200, headers));
  }
  const json::object data{{"text", event.text}, {"message_id", event.message_id}};
  const std::string text = to_json(data);
  co_return co_await responder->write_event(event_name(event.type), text);
}

Task<Result<void>> post_chat(Ctx ctx, RouteContext context) {
  SKEP_CO_TRY(WebChannel::ChatRequest request, read_chat_request(context.request.body));
  net::Responder* responder = &context.responder;
  channels::ChatSink sink = [responder](ChatEvent event) {
    return write_chat_event(responder, std::move(event));
  };
  co_return co_await context.deps.kernel.web().chat(ctx, std::move(request), std::move(sink));
}

Task<Result<void>> get_usage(Ctx, RouteContext context) {
  const std::string text = to_json(context.deps.kernel.usage());
  co_return co_await context.responder.send_json(200, text);
}

// The hive as its shared regions show it: the daemon's own router and others alike.
fabric::View view_of(const RouteContext& context) {
  return fabric::read_view(kernel::fabric_directory(context.deps.kernel.config().home));
}

template <json::object (*look)(const fabric::View&)>
Task<Result<void>> get_fabric(Ctx, RouteContext context) {
  const std::string body = to_json(look(view_of(context)));
  co_return co_await context.responder.send_json(200, body);
}

Task<Result<void>> get_trace(Ctx ctx, RouteContext context) {
  fabric::Tracer* tracer = context.deps.kernel.tracer();
  if (tracer == nullptr)
    co_return fail(Code::kUnsupported,
                   "this daemon has no socket for nodes, so it keeps no traces");
  std::string id(context.name);
  SKEP_CO_TRY(const json::object found, co_await tracer->trace(std::move(ctx), std::move(id)));
  const std::string body = to_json(found);
  co_return co_await context.responder.send_json(200, body);
}

Task<Result<void>> get_metrics(Ctx, RouteContext context) {
  net::Headers headers{{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  std::string body = fabric::metrics_of(view_of(context));
  co_return co_await context.responder.send(200, std::move(headers), std::move(body));
}

constexpr std::array kRoutes = {
    Route{"GET", "/api/health", false, "Is the daemon alive?", &get_health},
    Route{"GET", "/api/status", true, "Model, agent, channels, routes and counters", &get_status},
    Route{"GET", "/api/usage", true, "What models have cost today and this month, and whom",
          &get_usage},
    Route{"POST", "/api/chat", true,
          "Says something to the agent; the answer streams as server-sent events", &post_chat},
    Route{"GET", "/api/agents", true, "The agents of this hive", &get_agents},
    Route{"POST", "/api/agents", true, "Spawns an agent from a manifest", &post_agents,
          Action::kAgentSpawn},
    Route{"POST", "/api/agents/draft", true, "Asks the model for a manifest; keeps nothing",
          &post_agent_draft},
    Route{"GET", "/api/agents/{name}", true, "One agent with its manifest and children",
          &get_agent},
    Route{"GET", "/api/agents/{name}/log", true, "What happened to it", &get_agent_log},
    Route{"POST", "/api/agents/{name}/pause", true, "It refuses messages from now on",
          &post_agent_pause, Action::kManageAgents},
    Route{"POST", "/api/agents/{name}/resume", true, "It takes messages again", &post_agent_resume,
          Action::kManageAgents},
    Route{"POST", "/api/agents/{name}/mode", true, "How much of its tools it may use",
          &post_agent_mode, Action::kManageAgents},
    Route{"POST", "/api/agents/{name}/kill", true, "Ends it for good", &post_agent_kill,
          Action::kAgentKill},
    Route{"POST", "/api/config/reload", true, "Reads skep.toml again: what may change, does",
          &post_config_reload, Action::kChangeConfig},
    Route{"GET", "/api/jobs", true, "What runs by itself", &get_jobs},
    Route{"POST", "/api/jobs", true, "Tells an agent something at certain times", &post_jobs},
    Route{"GET", "/api/jobs/{name}", true, "One job, and its last answer", &get_job},
    Route{"POST", "/api/jobs/{name}/pause", true, "It does not run until it is resumed",
          &post_job_pause},
    Route{"POST", "/api/jobs/{name}/resume", true, "It runs again", &post_job_resume},
    Route{"POST", "/api/jobs/{name}/run", true, "It runs now, beside its times", &post_job_run},
    Route{"POST", "/api/jobs/{name}/del", true, "Ends it", &post_job_del},
    Route{"GET", "/api/fabric/nodes", true, "Who is connected, and where",
          &get_fabric<&fabric::nodes_of>},
    Route{"GET", "/api/fabric/routes", true, "Where names lead, in the order that decides, and why",
          &get_fabric<&fabric::routes_of>},
    Route{"POST", "/api/fabric/routes", true, "Adds a static route to the hive's rules",
          &post_fabric_route, Action::kChangeConfig},
    Route{"DELETE", "/api/fabric/routes", true, "Takes a static route out of the hive's rules",
          &delete_fabric_route, Action::kChangeConfig},
    Route{"GET", "/api/fabric/vpns", true, "Which names are in which zone",
          &get_fabric<&fabric::zones_of>},
    Route{"POST", "/api/fabric/vpns", true, "Adds a zone rule", &post_fabric_vpn,
          Action::kChangeConfig},
    Route{"DELETE", "/api/fabric/vpns", true, "Takes a zone rule out", &delete_fabric_vpn,
          Action::kChangeConfig},
    Route{"GET", "/api/fabric/hives", true, "Other hives and what they advertise",
          &get_fabric<&fabric::hives_of>},
    Route{"GET", "/api/fabric/stats", true, "Counters of each router",
          &get_fabric<&fabric::stats_of>},
    Route{"GET", "/api/fabric/trace/{name}", true, "Where a message went: its trace id, or its own",
          &get_trace},
    Route{"GET", "/metrics", true, "The same counters as Prometheus text", &get_metrics},
    Route{"POST", "/api/shutdown", true, "Ends the daemon cleanly", &post_shutdown,
          Action::kChangeConfig},
};

}  // namespace

std::span<const Route> routes() { return kRoutes; }

// What a model has to think about costs most, then what makes agents and processes; looking is
// cheap.
int cost_of(const Route& route) {
  if (route.path == "/api/health" || route.path == "/api/status") return 1;
  if (route.path == "/api/chat" || route.path == "/api/agents/draft") return 30;
  if (route.act == Action::kAgentSpawn) return 50;
  if (route.method != "GET") return 10;
  return route.path == "/api/usage" || route.path == "/metrics" ? 3 : 2;
}

bool path_matches(std::string_view pattern, std::string_view path, std::string_view& name) {
  constexpr std::string_view kName = "{name}";
  const std::size_t at = pattern.find(kName);
  if (at == std::string_view::npos) return pattern == path;
  const std::string_view head = pattern.substr(0, at), tail = pattern.substr(at + kName.size());
  if (path.size() <= head.size() + tail.size()) return false;
  const std::string_view middle = path.substr(at, path.size() - head.size() - tail.size());
  if (!path.starts_with(head) || !path.ends_with(tail) || middle.contains('/')) return false;
  name = middle;
  return true;
}

std::string error_body(const Error& error) {
  return to_json(json::object{
      {"error", json::object{{"code", code_name(error.code)}, {"message", error.message}}}});
}

}  // namespace skep::api
