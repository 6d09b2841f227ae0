// process_start, process_poll, process_write, process_kill, process_list.
#include "process_table.h"
#include "shell_command.h"
#include "skep/base/text.h"
#include "spec.h"

namespace skep::tools {
namespace {

constexpr std::size_t kLineShownMax = 200;
constexpr std::int64_t kWaitSecondsMax = 30;

struct Shared {
  WorkspacePtr workspace;
  ShellToolsConfig config;
  ProcessTable table;
};
using SharedPtr = std::shared_ptr<Shared>;

// What all five share.
class ProcessTool : public Tool {
 public:
  ProcessTool(llm::ToolSpec spec, SharedPtr shared)
      : spec_(std::move(spec)), shared_(std::move(shared)) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return false; }
  [[nodiscard]] authority::Labels taint() const override {
    return taint_of_programs(shared_->config);
  }

 protected:
  [[nodiscard]] Shared& shared() const { return *shared_; }
  static ToolOutput unknown(const std::string& id) {
    return {fmt::format("There is no program \"{}\" of this conversation; process_list shows them.",
                        cut_utf8(id, kLineShownMax)),
            true};
  }
  // What a program that ended left; it is forgotten here.
  [[nodiscard]] ToolOutput ended(const std::string& id, const sandbox::Outcome& outcome) const {
    shared().table.forget(id);
    return {
        describe_end(outcome, shared().config.limits) + describe_output(outcome.out, outcome.err),
        false};
  }

 private:
  llm::ToolSpec spec_;
  SharedPtr shared_;
};

constexpr std::string_view kId = R"({"id":{"type":"string"}})";

std::vector<std::string> argv_of(const json::value& arguments) {
  std::vector<std::string> argv{std::string(get_string(arguments, "command"))};
  if (const json::array* more = get_array(arguments, "args")) {
    for (const json::value& argument : *more) argv.emplace_back(argument.as_string());
  }
  return argv;
}

class ProcessStart final : public ProcessTool {
 public:
  explicit ProcessStart(SharedPtr shared)
      : ProcessTool(make_spec("process_start",
                              "Start a program in the sandbox of shell_exec and leave it running. "
                              "No shell: name the "
                              "program and its arguments.",
                              R"({"command":{"type":"string","minLength":1},)"
                              R"("args":{"type":"array","items":{"type":"string"}}})",
                              {"command"}),
                    std::move(shared)) {}

  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    return needs_of_program(shared().config, argv_of(arguments).front());
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    return fmt::format("start `{}` in its sandbox", join(argv_of(arguments), " "));
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const json::value given(std::move(arguments));
    std::vector<std::string> argv = argv_of(given);
    if (const auto allowed = check_words(shared().config, argv); !allowed)
      co_return not_run(allowed.error());
    auto id =
        shared().table.reserve(context, std::string(cut_utf8(join(argv, " "), kLineShownMax)));
    if (!id) co_return not_run(id.error());
    sandbox::Command command =
        workspace_command(*shared().workspace, shared().config, std::move(argv));
    command.keep_input_open = true;
    sandbox::Limits limits = shared().config.limits;
    limits.wall = shared().config.background;
    auto process = co_await sandbox::Process::start(context.ctx, std::move(command), limits);
    if (!process) {
      shared().table.forget(*id);
      co_return not_run(process.error());
    }
    shared().table.fill(*id, *std::move(process));
    co_return ToolOutput{fmt::format("Started as \"{}\". process_poll gives its output.", *id),
                         false};
  }
};

class ProcessPoll final : public ProcessTool {
 public:
  explicit ProcessPoll(SharedPtr shared)
      : ProcessTool(
            make_spec("process_poll", "New output of a started program, and whether it still runs.",
                      R"({"id":{"type":"string"},"wait_seconds":{"type":"integer","minimum":0,)"
                      R"("maximum":30,"description":"for its end, at most"}})",
                      {"id"}),
            std::move(shared)) {}

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const json::value given(std::move(arguments));
    const std::string id(get_string(given, "id"));
    const auto process = shared().table.find(context, id);
    if (!process) co_return unknown(id);
    const auto seconds = std::min(get_int(given, "wait_seconds").value_or(0), kWaitSecondsMax);
    const Ctx brief = context.ctx.within(std::chrono::seconds(seconds));
    const bool waits = seconds > 0 || !process->running();
    const auto outcome = waits ? co_await process->wait(brief)
                               : Result<sandbox::Outcome>(fail(Code::kTimeout, "still running"));
    if (!outcome) {
      const sandbox::Captured out = process->take_out();
      const sandbox::Captured err = process->take_err();
      co_return ToolOutput{"running" + describe_output(out, err), false};
    }
    co_return ended(id, *outcome);
  }
};

class ProcessWrite final : public ProcessTool {
 public:
  explicit ProcessWrite(SharedPtr shared)
      : ProcessTool(make_spec("process_write", "Give a started program input.",
                              R"({"id":{"type":"string"},"text":{"type":"string"},)"
                              R"("end":{"type":"boolean","description":"no more input follows"}})",
                              {"id", "text"}),
                    std::move(shared)) {}

  // What a program reads, it may well do.
  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    const std::string line = shared().table.line_of(std::string(get_string(arguments, "id")));
    if (line.empty()) return {};
    return {{authority::Action::kShellExec, line.substr(0, line.find(' '))}};
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    return fmt::format("write `{}` to the program {}",
                       cut_utf8(get_string(arguments, "text"), kLineShownMax),
                       get_string(arguments, "id"));
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const json::value given(std::move(arguments));
    const std::string id(get_string(given, "id"));
    const auto process = shared().table.find(context, id);
    if (!process) co_return unknown(id);
    const std::string_view text = get_string(given, "text");
    if (const auto written = process->write(text); !written)
      co_return ToolOutput{fmt::format("Not written: {}.", written.error().message), true};
    if (get_bool(given, "end").value_or(false)) process->end_input();
    co_return ToolOutput{fmt::format("{} bytes written.", text.size()), false};
  }
};

class ProcessKill final : public ProcessTool {
 public:
  explicit ProcessKill(SharedPtr shared)
      : ProcessTool(make_spec("process_kill", "End a started program and all that it started.", kId,
                              {"id"}),
                    std::move(shared)) {}

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const json::value given(std::move(arguments));
    const std::string id(get_string(given, "id"));
    const auto process = shared().table.find(context, id);
    if (!process) co_return unknown(id);
    process->terminate();
    const auto outcome = co_await process->wait(context.ctx);
    if (!outcome)
      co_return ToolOutput{fmt::format("Not ended yet: {}.", outcome.error().message), true};
    co_return ended(id, *outcome);
  }
};

class ProcessList final : public ProcessTool {
 public:
  explicit ProcessList(SharedPtr shared)
      : ProcessTool(
            make_spec("process_list", "The started programs of this conversation.", "{}", {}),
            std::move(shared)) {}

  Task<ToolOutput> call(ToolContext context, json::object) override {
    std::string text;
    for (const auto& [id, entry] : shared().table.list(context))
      text += fmt::format("{} {}: {}\n", id, entry->process->running() ? "running" : "ended",
                          entry->line);
    co_return ToolOutput{text.empty() ? "No program was started." : std::string(trim(text)), false};
  }
};

}  // namespace

std::vector<std::unique_ptr<Tool>> make_process_tools(const WorkspacePtr& workspace,
                                                      const ShellToolsConfig& config) {
  auto shared = std::make_shared<Shared>(workspace, config, ProcessTable(config.background_max));
  std::vector<std::unique_ptr<Tool>> tools;
  tools.push_back(std::make_unique<ProcessStart>(shared));
  tools.push_back(std::make_unique<ProcessPoll>(shared));
  tools.push_back(std::make_unique<ProcessWrite>(shared));
  tools.push_back(std::make_unique<ProcessKill>(shared));
  tools.push_back(std::make_unique<ProcessList>(shared));
  return tools;
}

}  // namespace skep::tools
