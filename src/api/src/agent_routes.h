// The routes under /api/agents.
#pragma once

#include "routes.h"

namespace skep::api {

Task<Result<void>> get_agents(Ctx ctx, RouteContext context);
Task<Result<void>> post_agents(Ctx ctx, RouteContext context);
Task<Result<void>> post_agent_draft(Ctx ctx, RouteContext context);
Task<Result<void>> get_agent(Ctx ctx, RouteContext context);
Task<Result<void>> get_agent_log(Ctx ctx, RouteContext context);
Task<Result<void>> post_agent_pause(Ctx ctx, RouteContext context);
Task<Result<void>> post_agent_resume(Ctx ctx, RouteContext context);
Task<Result<void>> post_agent_mode(Ctx ctx, RouteContext context);
Task<Result<void>> post_agent_kill(Ctx ctx, RouteContext context);

}  // namespace skep::api
