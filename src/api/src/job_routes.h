// The routes under /api/jobs.
#pragma once

#include "routes.h"

namespace skep::api {

Task<Result<void>> get_jobs(Ctx ctx, RouteContext context);
Task<Result<void>> post_jobs(Ctx ctx, RouteContext context);
Task<Result<void>> get_job(Ctx ctx, RouteContext context);
Task<Result<void>> post_job_pause(Ctx ctx, RouteContext context);
Task<Result<void>> post_job_resume(Ctx ctx, RouteContext context);
Task<Result<void>> post_job_run(Ctx ctx, RouteContext context);
Task<Result<void>> post_job_del(Ctx ctx, RouteContext context);

}  // namespace skep::api
