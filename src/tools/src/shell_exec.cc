// shell_exec: one command, run to its end in the sandbox.
#include "shell_command.h"
#include "skep/base/text.h"
#include "spec.h"

namespace skep::tools {
namespace {

class ShellExec final : public Tool {
 public:
  ShellExec(WorkspacePtr workspace, ShellToolsConfig config)
      : workspace_(std::move(workspace)), config_(std::move(config)) {
    const auto most = std::chrono::duration_cast<std::chrono::seconds>(config_.timeout_max).count();
    const bool any = config_.allowed_commands.empty();
    const std::string what =
        any ? "a shell command" : "one of " + join(config_.allowed_commands, ", ");
    spec_ = make_spec(
        "shell_exec",
        fmt::format("Run {} in a sandbox: /workspace writable, system read-only, {}.", what,
                    config_.network ? "network" : "no network"),
        fmt::format(R"({{"command":{{"type":"string","minLength":1}},)"
                    R"("timeout_seconds":{{"type":"integer","minimum":1,"maximum":{}}}}})",
                    most),
        {"command"});
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return false; }
  [[nodiscard]] std::chrono::milliseconds timeout() const override {
    constexpr std::chrono::seconds kSpare{5};  // so that the sandbox's own limit comes first
    return config_.timeout_max + config_.limits.grace + kSpare;
  }

  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    return needs_of_program(config_, program_of_line(get_string(arguments, "command")));
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    return fmt::format("run `{}` in its sandbox", get_string(arguments, "command"));
  }
  [[nodiscard]] authority::Labels taint() const override { return taint_of_programs(config_); }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const json::value given(std::move(arguments));
    auto argv = words_of_line(config_, std::string(get_string(given, "command")));
    if (!argv) co_return not_run(argv.error());
    sandbox::Limits limits = config_.limits;
    limits.wall = config_.timeout;
    if (const auto seconds = get_int(given, "timeout_seconds"))
      limits.wall = std::chrono::seconds(*seconds);
    sandbox::Command command = workspace_command(*workspace_, config_, *std::move(argv));
    const auto outcome = co_await sandbox::run(context.ctx, std::move(command), limits);
    if (!outcome) co_return not_run(outcome.error());
    const bool ok = outcome->end == sandbox::End::kExited && outcome->code == 0;
    co_return ToolOutput{
        describe_end(*outcome, limits) + describe_output(outcome->out, outcome->err), !ok};
  }

 private:
  llm::ToolSpec spec_;
  WorkspacePtr workspace_;
  ShellToolsConfig config_;
};

}  // namespace

std::vector<std::unique_ptr<Tool>> make_process_tools(const WorkspacePtr& workspace,
                                                      const ShellToolsConfig& config);

std::vector<std::unique_ptr<Tool>> make_shell_tools(const WorkspacePtr& workspace,
                                                    const ShellToolsConfig& config) {
  std::vector<std::unique_ptr<Tool>> tools = make_process_tools(workspace, config);
  tools.push_back(std::make_unique<ShellExec>(workspace, config));
  return tools;
}

}  // namespace skep::tools
