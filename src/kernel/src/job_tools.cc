// cron_create, cron_list, cron_cancel: what models do with jobs.
#include "jobs_impl.h"
#include "skep/base/text.h"
#include "skep/tools/spec.h"

namespace skep::kernel {
namespace {

using tools::ToolContext;
using tools::ToolOutput;

constexpr std::size_t kListedMax = 50;
constexpr std::size_t kShownBytes = 200;

enum class Verb : std::uint8_t { kCreate, kList, kCancel };

struct Described {
  Verb verb;
  std::string_view name, help, properties;
  std::vector<std::string_view> required;
};

const std::vector<Described>& described() {
  static const std::vector<Described> kAll = {
      {Verb::kCreate,
       "cron_create",
       "Be told something later or regularly; the person you talk to gets your answer.",
       R"({"schedule":{"type":"string","minLength":1,"maxLength":256,"description":"0 9 * * mon-fri; every 2h; at 2026-12-24 18:00; in 10m"},)"
       R"("message":{"type":"string","minLength":1,"maxLength":16384},)"
       R"("name":{"type":"string","maxLength":128},"time_zone":{"type":"string"},)"
       R"("missed":{"enum":["skip","once","all"]},"notify":{"type":"boolean"},)"
       R"("deliver":{"type":"array","maxItems":3,"items":{"type":"string","maxLength":2100},"description":"file:PATH, webhook:URL, webhook:NAME or mail:ADDRESS, beside it"}})",
       {"schedule", "message"}},
      {Verb::kList, "cron_list", "The jobs of the person you talk to.", "{}", {}},
      {Verb::kCancel,
       "cron_cancel",
       "End a job, by id or name.",
       R"({"job_id":{"type":"string","minLength":1,"maxLength":128}})",
       {"job_id"}}};
  return kAll;
}

class JobTool final : public tools::Tool {
 public:
  JobTool(JobsImpl& jobs, std::string agent, const Described& what)
      : jobs_(jobs), agent_(std::move(agent)), verb_(what.verb) {
    json::array required(what.required.begin(), what.required.end());
    spec_ = tools::make_spec(std::string(what.name), std::string(what.help), what.properties,
                             std::move(required));
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return verb_ != Verb::kCreate; }
  [[nodiscard]] bool side_by_side() const override { return verb_ == Verb::kList; }
  [[nodiscard]] std::vector<tools::Need> needs(const json::value& arguments) const override {
    if (verb_ == Verb::kList) return {};
    std::vector<tools::Need> needs{{authority::Action::kSchedule, {}}};
    const auto deliver = schedule::parse_deliveries(places_in(arguments));
    if (verb_ != Verb::kCreate || !deliver) return needs;  // the call says what is wrong
    for (const schedule::Delivery& one : *deliver)
      std::ranges::move(needs_of(one, jobs_.deps().config), std::back_inserter(needs));
    return needs;
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    if (verb_ == Verb::kCancel)
      return fmt::format("end the job {}", get_string(arguments, "job_id"));
    std::string text = fmt::format("be told {}: {}", get_string(arguments, "schedule"),
                                   cut_utf8(get_string(arguments, "message"), kShownBytes));
    for (const std::string& one : places_in(arguments))
      text += fmt::format(" (the answer also goes to {})", cut_utf8(one, kShownBytes));
    return text;
  }
  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    switch (verb_) {
      case Verb::kCreate:
        co_return co_await create(std::move(context), std::move(arguments));
      case Verb::kList:
        co_return list(context);
      case Verb::kCancel:
        co_return co_await cancel(std::move(context), std::move(arguments));
    }
    co_return ToolOutput{};
  }

 private:
  static std::vector<std::string> places_in(const json::value& arguments) {
    std::vector<std::string> all;
    const json::array* places = get_array(arguments, "deliver");
    for (const json::value& one : places == nullptr ? json::array() : *places)
      all.emplace_back(one.is_string() ? std::string_view(one.get_string()) : std::string_view());
    return all;
  }

  Task<ToolOutput> create(ToolContext context, json::object arguments) {
    const json::value given = std::move(arguments);
    JobRequest request{.agent = agent_,
                       .name = std::string(get_string(given, "name")),
                       .text = std::string(get_string(given, "message")),
                       .when = std::string(get_string(given, "schedule")),
                       .time_zone = std::string(get_string(given, "time_zone")),
                       .missed = std::string(get_string(given, "missed")),
                       .whose = context.conversation,
                       .notify = get_bool(given, "notify").value_or(true),
                       .deliver = places_in(given),
                       .by_model = true};
    auto job = co_await jobs_.create(std::move(request));
    if (!job) co_return ToolOutput{fmt::format("Not scheduled: {}.", job.error().message), true};
    co_return ToolOutput{
        fmt::format("Scheduled as {} (id {}): {}{}, next {}.", job->name, job->id, job->when.text(),
                    job->when.zone().empty() ? "" : " " + job->when.zone(),
                    format_rfc3339(job->next.value_or(WallTime{}))),
        false};
  }

  [[nodiscard]] std::vector<schedule::Job> ours(const ToolContext& context) const {
    std::vector<schedule::Job> all = jobs_.list(context.conversation.peer);
    const auto agent = jobs_.deps().agents.find(agent_);
    std::erase_if(all, [&](const schedule::Job& one) {
      return one.own || !agent || one.agent != agent->id ||
             one.entrypoint != context.conversation.entrypoint;
    });
    return all;
  }

  [[nodiscard]] ToolOutput list(const ToolContext& context) const {
    std::string text;
    std::size_t shown = 0;
    for (const schedule::Job& job : ours(context)) {
      if (++shown > kListedMax) break;
      text += to_json(jobs_.describe(job)) + "\n";
    }
    return {text.empty() ? "There are no jobs." : std::move(text), false};
  }

  Task<ToolOutput> cancel(ToolContext context, json::object arguments) {
    const std::string word(get_string(json::value(arguments), "job_id"));
    const auto found = jobs_.find(word, context.conversation.peer);
    const auto all = ours(context);
    const bool is_ours =
        found && std::ranges::any_of(all, [&](const auto& one) { return one.id == found->id; });
    if (!is_ours)
      co_return ToolOutput{
          fmt::format("Not ended: {}.", found ? "it is not yours" : found.error().message), true};
    auto gone = co_await jobs_.cancel(found->id);
    if (!gone) co_return ToolOutput{fmt::format("Not ended: {}.", gone.error().message), true};
    co_return ToolOutput{fmt::format("{} is ended.", found->name), false};
  }

  JobsImpl& jobs_;
  std::string agent_;
  Verb verb_;
  llm::ToolSpec spec_;
};

}  // namespace

Result<void> JobsImpl::add_tools(tools::Toolbox& toolbox, const std::string& agent,
                                 const std::function<bool(std::string_view)>& wanted) {
  if (!deps_.config.tools) return {};
  for (const Described& one : described()) {
    if (wanted(one.name)) SKEP_TRY_VOID(toolbox.add(std::make_unique<JobTool>(*this, agent, one)));
  }
  return {};
}

}  // namespace skep::kernel
