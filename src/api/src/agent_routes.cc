#include "agent_routes.h"

#include "skep/base/text.h"
#include "skep/kernel/agents.h"

namespace skep::api {
namespace {

using kernel::AgentEntry;
using kernel::Agents;

constexpr std::size_t kLogLines = 200;

json::object as_json(const Agents& agents, const AgentEntry& entry) {
  json::object out{{"id", entry.id.str()},
                   {"name", entry.name},
                   {"node", agents.node(entry).str()},
                   {"state", kernel::state_name(entry.state)},
                   {"mode", kernel::mode_name(entry.mode)},
                   {"main", entry.main},
                   {"created_at", format_rfc3339(entry.created_at)},
                   {"last_active", format_rfc3339(entry.last_active)}};
  out["parent"] = entry.parent ? json::value(entry.parent->str()) : json::value(nullptr);
  if (!entry.why.empty()) out["why"] = entry.why;
  return out;
}

Task<Result<void>> answer(RouteContext context, int status, json::object body) {
  const std::string text = to_json(body);
  co_return co_await context.responder.send_json(status, text);
}

Task<Result<void>> answer(RouteContext context, Result<AgentEntry> entry, int status = 200) {
  if (!entry) co_return fail(std::move(entry).error());
  co_return co_await answer(context, status, as_json(context.deps.kernel.agents(), *entry));
}

Result<kernel::AgentMode> read_mode(const json::value& body) {
  const std::string_view text = get_string(body, "mode");
  if (text.empty()) return kernel::AgentMode::kFull;
  const auto mode = kernel::mode_from(text);
  if (!mode) return fail(Code::kInvalid, "\"mode\" is \"observe\", \"assist\" or \"full\"");
  return *mode;
}

}  // namespace

Task<Result<void>> get_agents(Ctx, RouteContext context) {
  const Agents& agents = context.deps.kernel.agents();
  json::array all;
  for (const AgentEntry& entry : agents.list()) all.push_back(as_json(agents, entry));
  co_return co_await answer(context, 200, {{"agents", std::move(all)}});
}

Task<Result<void>> post_agents(Ctx, RouteContext context) {
  SKEP_CO_TRY(const json::value body, parse_json(context.request.body));
  SKEP_CO_TRY(const kernel::AgentMode mode, read_mode(body));
  kernel::SpawnRequest request{.manifest = std::string(get_string(body, "manifest")), .mode = mode};
  auto entry = co_await context.deps.kernel.agents().spawn(std::move(request));
  co_return co_await answer(context, std::move(entry), 201);
}

Task<Result<void>> post_agent_draft(Ctx ctx, RouteContext context) {
  SKEP_CO_TRY(const json::value body, parse_json(context.request.body));
  std::string wish(trim(get_string(body, "wish")));
  std::string person(get_string(body, "peer"));
  SKEP_CO_TRY(kernel::AgentDraft draft, co_await context.deps.kernel.agents().draft(
                                            std::move(ctx), std::move(wish), std::move(person)));
  co_return co_await answer(context, 200,
                            {{"manifest", std::move(draft.manifest)},
                             {"name", std::move(draft.name)},
                             {"may", json::array(draft.may.begin(), draft.may.end())}});
}

Task<Result<void>> get_agent(Ctx, RouteContext context) {
  const Agents& agents = context.deps.kernel.agents();
  SKEP_CO_TRY(const AgentEntry entry, agents.find(context.name));
  json::object out = as_json(agents, entry);
  const std::vector<std::string> children = agents.children(entry.id);
  out["health"] = agents.health(entry.name);
  out["children"] = json::array(children.begin(), children.end());
  if (!entry.main) {
    auto manifest = agents.manifest(entry.name);
    if (manifest) {
      out["manifest"] = manifest->to_text();
      out["schedule"] = agent::mode_name(manifest->wakes.mode);
    } else {
      out["problem"] = manifest.error().message;
    }
  }
  co_return co_await answer(context, 200, std::move(out));
}

Task<Result<void>> get_agent_log(Ctx, RouteContext context) {
  SKEP_CO_TRY(const std::vector<std::string> lines,
              context.deps.kernel.agents().log_lines(context.name, kLogLines));
  json::array all;
  for (const std::string& line : lines) {
    if (auto value = parse_json(line)) all.push_back(*std::move(value));
  }
  co_return co_await answer(context, 200, {{"events", std::move(all)}});
}

Task<Result<void>> post_agent_pause(Ctx, RouteContext context) {
  auto entry = co_await context.deps.kernel.agents().suspend(std::string(context.name));
  co_return co_await answer(context, std::move(entry));
}

Task<Result<void>> post_agent_resume(Ctx, RouteContext context) {
  auto entry = co_await context.deps.kernel.agents().activate(std::string(context.name));
  co_return co_await answer(context, std::move(entry));
}

Task<Result<void>> post_agent_mode(Ctx, RouteContext context) {
  SKEP_CO_TRY(const json::value body, parse_json(context.request.body));
  SKEP_CO_TRY(const kernel::AgentMode mode, read_mode(body));
  auto entry = co_await context.deps.kernel.agents().set_mode(std::string(context.name), mode);
  co_return co_await answer(context, std::move(entry));
}

Task<Result<void>> post_agent_kill(Ctx, RouteContext context) {
  SKEP_CO_TRY_VOID(
      co_await context.deps.kernel.agents().kill(std::string(context.name), "a person"));
  co_return co_await answer(context, 200, {{"killed", context.name}});
}

}  // namespace skep::api
