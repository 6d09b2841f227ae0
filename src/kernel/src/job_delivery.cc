#include "job_delivery.h"

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/net/http_client.h"

namespace skep::kernel {

using schedule::Delivery;
using schedule::Job;
using Way = schedule::Delivery::Way;

namespace {

constexpr std::string_view kKind = "job-delivery";   // of the journal
constexpr std::string_view kDone = "job-delivered";  // set of the journal: parcels that arrived
constexpr Millis kWaitFirst{1000};
constexpr int kWaitGrows = 5;
constexpr std::size_t kAnswerBytesMax = 64u << 10;  // of a webhook, which nobody reads

bool may_help(Code code) {
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kExhausted;
}

net::EgressConfig egress_of(const SchedulesConfig& config) {
  net::EgressConfig egress;
  egress.allow = config.webhook_hosts;
  return egress;
}

Result<void> outcome_of(int status) {
  if (status / 100 == 2) return {};
  const bool later = status == 408 || status == 429 || status / 100 == 5;
  return fail(later ? Code::kUnavailable : Code::kDenied, fmt::format("it answered {}", status));
}

store::EntryId entry_of(const Parcel& parcel) {
  return store::EntryId("job-delivery-" + parcel.id);
}

std::string said(const Parcel& parcel) {
  return parcel.failed ? "This failed: " + parcel.text : parcel.text;
}

}  // namespace

json::object Parcel::to_json() const {
  return {{"id", id},
          {"job", job},
          {"name", name},
          {"agent", agent},
          {"agent_id", agent_id.str()},
          {"to", to.text()},
          {"text", text},
          {"failed", failed},
          {"by_model", by_model},
          {"at", at.time_since_epoch().count()}};
}

Result<Parcel> Parcel::from_json(const json::value& value) {
  Parcel parcel{.id = std::string(get_string(value, "id")),
                .job = std::string(get_string(value, "job")),
                .name = std::string(get_string(value, "name")),
                .agent = std::string(get_string(value, "agent")),
                .text = std::string(get_string(value, "text")),
                .failed = get_bool(value, "failed").value_or(false),
                .by_model = get_bool(value, "by_model").value_or(true),
                .at = WallTime(Millis(get_int(value, "at").value_or(0)))};
  SKEP_TRY(parcel.to, Delivery::parse(get_string(value, "to")));
  SKEP_TRY(parcel.agent_id, Uuid::parse(get_string(value, "agent_id")));
  if (parcel.id.empty()) return fail(Code::kCorrupt, "a delivery without an id");
  return parcel;
}

const SchedulesConfig::Webhook* webhook_named(const SchedulesConfig& config,
                                              std::string_view name) {
  const auto found = std::ranges::find(config.webhooks, name, &SchedulesConfig::Webhook::name);
  return found == config.webhooks.end() ? nullptr : &*found;
}

std::vector<tools::Need> needs_of(const Delivery& to, const SchedulesConfig& config) {
  if (to.way == Way::kFile) return {{authority::Action::kFileWrite, to.to}};
  if (to.way != Way::kWebhook) return {};
  const SchedulesConfig::Webhook* named = webhook_named(config, to.to);
  const std::string& url = named == nullptr ? to.to : named->url;
  auto endpoint = net::endpoint_of(url);
  if (!endpoint) return {};  // nothing is sent there
  return {{authority::Action::kNetConnect, *std::move(endpoint), url}};
}

Result<void> check_delivery(const Delivery& to, bool by_model, const SchedulesConfig& config,
                            const MailConfig& mail) {
  switch (to.way) {
    case Way::kFile:
      return tools::Workspace::check_path(to.to);
    case Way::kMail:
      if (!mail.wanted())
        return fail(Code::kUnsupported, "there is no mail server: [mail] names one");
      if (by_model && !mail.agents_may_write_to(to.to))
        return fail(Code::kDenied,
                    fmt::format("agents may not have mail sent to {} ([mail] agents_may)", to.to));
      return {};
    case Way::kWebhook:
      break;
  }
  if (to.is_address()) return net::EgressGuard(egress_of(config)).check_url(to.to);
  if (webhook_named(config, to.to) != nullptr) return {};
  return fail(Code::kInvalid, fmt::format("there is no [schedules.webhooks.{}]", to.to));
}

Deliveries::Deliveries(Deps deps) : deps_(std::move(deps)), gate_(deps_.loop) {}

void Deliveries::start() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kKind)) {
    const auto record = parse_json(entry.steps.front());
    auto parcel = record ? Parcel::from_json(*record) : Result<Parcel>(fail(record.error()));
    if (!parcel) {
      log::error("jobs", "a delivery cannot be read: {}", entry.id.str());
      (void)deps_.journal.end(entry.id);
      continue;
    }
    parcels_.emplace(parcel->job, parcel->to.text());
    gate_.spawn("job delivery",
                carry(entry.id, *std::move(parcel), static_cast<int>(entry.steps.size()) - 1));
  }
}

void Deliveries::begin(const std::string& run, const Job& job, const std::string& agent,
                       const std::string& text, bool failed, WallTime at) {
  std::vector<Parcel> parcels;
  for (std::size_t i = 0; i < job.deliver.size(); ++i) {
    Parcel parcel{.id = fmt::format("{}-{}", run, i + 1),
                  .job = job.id,
                  .name = job.name,
                  .agent = agent,
                  .agent_id = job.agent,
                  .to = job.deliver[i],
                  .text = text,
                  .failed = failed,
                  .by_model = job.by_model,
                  .at = at};
    if (deps_.journal.remembers(kDone, parcel.id) || deps_.journal.contains(entry_of(parcel)))
      continue;
    parcels_.emplace(parcel.job, parcel.to.text());  // of all, before the first can end
    parcels.push_back(std::move(parcel));
  }
  for (Parcel& parcel : parcels) {
    const store::EntryId entry = entry_of(parcel);
    const auto kept = deps_.journal.begin(kKind, entry, skep::to_json(parcel.to_json()));
    if (kept)
      gate_.spawn("job delivery", carry(entry, std::move(parcel), 0));
    else
      gate_.spawn("job delivery", end(entry, std::move(parcel), kept));
  }
}

bool Deliveries::under_way(std::string_view job, const Delivery& to) const {
  return parcels_.contains({std::string(job), to.text()});
}

// Each try is written down before it begins, so that what ends us is not tried for ever.
Task<void> Deliveries::carry(store::EntryId entry, Parcel parcel, int tries) {
  const Ctx ctx = gate_.ctx();
  Result<void> outcome;
  if (!deps_.journal.remembers(kDone, parcel.id))
    outcome = fail(Code::kUnavailable, "skep ended each time while it was tried");
  Millis wait = kWaitFirst;
  while (!outcome && tries < tries_max) {
    ++tries;
    auto turn = co_await some_.acquire(ctx);
    if (!turn) co_return;
    outcome = deps_.journal.step(entry, "try");
    if (outcome) outcome = co_await attempt(ctx, parcel);
    if (outcome) (void)deps_.journal.remember(kDone, parcel.id);
    turn->release();
    if (!outcome && !ctx.check()) co_return;  // the next start goes on
    if (outcome || !may_help(outcome.error().code) || tries == tries_max) break;
    log::info("jobs", "delivery {}: {}; tried again in {} s", parcel.id, outcome.error().message,
              wait.count() / 1000);
    if (!co_await sleep_for(ctx, wait)) co_return;
    wait *= kWaitGrows;
  }
  co_await end(std::move(entry), std::move(parcel), std::move(outcome));
}

Task<void> Deliveries::end(store::EntryId entry, Parcel parcel, Result<void> outcome) {
  const std::string id = parcel.id;
  parcels_.erase({parcel.job, parcel.to.text()});
  if (!outcome) log::warn("jobs", "delivery {} failed: {}", id, outcome.error().message);
  co_await deps_.ended(std::move(parcel), std::move(outcome));
  if (!deps_.journal.contains(entry)) co_return;
  if (auto ended = deps_.journal.end(entry); !ended)
    log::error("jobs", "delivery {}: {}", id, ended.error().to_string());
}

Task<Result<void>> Deliveries::attempt(const Ctx& ctx, const Parcel& parcel) {
  SKEP_CO_TRY_VOID(check_delivery(parcel.to, parcel.by_model, deps_.config, deps_.mail));
  if (parcel.by_model) {
    for (const tools::Need& need : needs_of(parcel.to, deps_.config)) {
      if (auto why = deps_.why_not(parcel.agent_id, need)) co_return fail(Code::kDenied, *why);
    }
  }
  const Ctx bounded = ctx.within(try_time);
  switch (parcel.to.way) {
    case Way::kWebhook:
      co_return co_await post(bounded, parcel);
    case Way::kFile:
      co_return co_await append(bounded, parcel);
    case Way::kMail:
      co_return co_await mail(bounded, parcel);
  }
  co_return fail(Code::kInvalid, "nowhere to go");
}

// The operator's own addresses are not guarded, as those of models are not; all others are.
Task<Result<void>> Deliveries::post(const Ctx& ctx, const Parcel& parcel) {
  const SchedulesConfig::Webhook* named = webhook_named(deps_.config, parcel.to.to);
  net::HttpRequest request{
      .method = "POST",
      .url = named == nullptr ? parcel.to.to : named->url,
      .headers = {{"content-type", "application/json"}, {"skep-delivery", parcel.id}},
      .first_byte_timeout = try_time,
      .idle_timeout = try_time,
      .body_bytes_max = kAnswerBytesMax,
      .guarded = named == nullptr};
  if (named != nullptr && !named->authorization.empty())
    request.headers.emplace_back("authorization", std::string(named->authorization.reveal()));
  request.body = skep::to_json(json::object{{"id", parcel.id},
                                            {"job", parcel.job},
                                            {"name", parcel.name},
                                            {"agent", parcel.agent},
                                            {"at", format_rfc3339(parcel.at)},
                                            {"failed", parcel.failed},
                                            {"text", parcel.text}});
  net::HttpClient::Deps http{.loop = deps_.loop,
                             .guard = net::EgressGuard(egress_of(deps_.config)),
                             .user_agent = deps_.user_agent};
  SKEP_CO_TRY(const auto client, net::HttpClient::open(std::move(http)));
  auto answer = co_await client->fetch(ctx, std::move(request));
  if (!answer) co_return fail(std::move(answer).error());
  co_return outcome_of(answer->status);
}

Task<Result<void>> Deliveries::append(const Ctx& ctx, const Parcel& parcel) {
  SKEP_CO_TRY(tools::WorkspacePtr workspace, deps_.workspace(parcel.agent_id));
  std::string text = fmt::format("## {}, {} ({})\n\n{}\n\n", parcel.name, format_rfc3339(parcel.at),
                                 parcel.id, said(parcel));
  std::function<Result<void>()> work = [workspace = std::move(workspace), text = std::move(text),
                                        path = parcel.to.to, id = parcel.id] {
    return workspace->append(path, text, id);
  };
  SKEP_CO_TRY(const Result<void> written, co_await deps_.pool.run(ctx, std::move(work)));
  co_return written;
}

Task<Result<void>> Deliveries::mail(const Ctx& ctx, const Parcel& parcel) {
  SKEP_CO_TRY(const auto mailer, net::Mailer::open(deps_.loop, deps_.mail.server));
  net::Mail mail{.id = parcel.id,
                 .from = deps_.mail.from,
                 .to = parcel.to.to,
                 .subject = to_valid_utf8(parcel.name),
                 .text = said(parcel),
                 .at = parcel.at};
  std::ranges::replace_if(mail.subject, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  co_return co_await mailer->send(ctx, std::move(mail));
}

}  // namespace skep::kernel
