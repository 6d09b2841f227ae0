#include "job_routes.h"

#include "skep/base/text.h"
#include "skep/kernel/jobs.h"

namespace skep::api {
namespace {

using kernel::Jobs;
using schedule::Job;

Result<Jobs*> jobs_of(const RouteContext& context) {
  Jobs* jobs = context.deps.kernel.jobs();
  if (jobs == nullptr) return fail(Code::kUnsupported, "nothing runs by itself in this process");
  return jobs;
}

// By its id, or a name, which may have any characters.
Result<Job> named(const Jobs& jobs, std::string_view name) {
  std::string word;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = name[i] == '%' ? hex_decode(name.substr(i + 1, 2)) : std::nullopt;
    word += byte ? *byte : std::string(1, name[i]);
    if (byte) i += 2;
  }
  return jobs.find(word);
}

Task<Result<void>> answer(RouteContext context, int status, json::object body) {
  const std::string text = to_json(body);
  co_return co_await context.responder.send_json(status, text);
}

using Change = Task<Result<Job>> (Jobs::*)(std::string id);
Task<Result<void>> change(RouteContext context, Change how) {
  SKEP_CO_TRY(Jobs * jobs, jobs_of(context));
  SKEP_CO_TRY(const Job found, named(*jobs, context.name));
  SKEP_CO_TRY(const Job changed, co_await (jobs->*how)(found.id));
  json::object body = jobs->describe(changed);
  co_return co_await answer(context, 200, std::move(body));
}

}  // namespace

Task<Result<void>> get_jobs(Ctx, RouteContext context) {
  SKEP_CO_TRY(const Jobs* jobs, jobs_of(context));
  json::array all;
  for (const Job& job : jobs->list()) all.push_back(jobs->describe(job));
  json::object body{{"jobs", std::move(all)}};
  co_return co_await answer(context, 200, std::move(body));
}

Task<Result<void>> post_jobs(Ctx, RouteContext context) {
  SKEP_CO_TRY(Jobs * jobs, jobs_of(context));
  SKEP_CO_TRY(const json::value body, parse_json(context.request.body));
  const auto text_of = [&](std::string_view key) { return std::string(get_string(body, key)); };
  const std::string peer = text_of("peer");
  if (peer.empty() || peer.size() > 256)
    co_return fail(Code::kInvalid, "\"peer\" must say for whom, e.g. \"ann@cli\"");
  kernel::JobRequest request{
      .agent = text_of("agent"),
      .name = text_of("name"),
      .text = text_of("text"),
      .when = text_of("when"),
      .time_zone = text_of("time_zone"),
      .missed = text_of("missed"),
      .whose = {.channel = peer.ends_with("@cli") ? "cli" : "xmpp", .peer = peer},
      .notify = get_bool(body, "notify").value_or(true)};
  const json::array* deliver = get_array(body, "deliver");
  for (const json::value& one : deliver == nullptr ? json::array() : *deliver) {
    if (!one.is_string()) co_return fail(Code::kInvalid, "\"deliver\" must be a list of texts");
    request.deliver.emplace_back(std::string_view(one.get_string()));
  }
  SKEP_CO_TRY(const Job made, co_await jobs->create(std::move(request)));
  json::object out = jobs->describe(made);
  co_return co_await answer(context, 201, std::move(out));
}

Task<Result<void>> get_job(Ctx, RouteContext context) {
  SKEP_CO_TRY(const Jobs* jobs, jobs_of(context));
  SKEP_CO_TRY(const Job found, named(*jobs, context.name));
  json::object body = jobs->describe(found);
  co_return co_await answer(context, 200, std::move(body));
}

Task<Result<void>> post_job_pause(Ctx, RouteContext context) {
  co_return co_await change(context, &Jobs::pause);
}
Task<Result<void>> post_job_resume(Ctx, RouteContext context) {
  co_return co_await change(context, &Jobs::resume);
}
Task<Result<void>> post_job_run(Ctx, RouteContext context) {
  co_return co_await change(context, &Jobs::run);
}

Task<Result<void>> post_job_del(Ctx, RouteContext context) {
  SKEP_CO_TRY(Jobs * jobs, jobs_of(context));
  SKEP_CO_TRY(const Job found, named(*jobs, context.name));
  SKEP_CO_TRY_VOID(co_await jobs->cancel(found.id));
  json::object body{{"id", found.id}, {"name", found.name}};
  co_return co_await answer(context, 200, std::move(body));
}

}  // namespace skep::api
