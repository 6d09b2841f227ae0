#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>

#include "landlock.h"
#include "tree.h"

namespace skep::sandbox {

Process::Process(std::shared_ptr<Tree> tree) : tree_(std::move(tree)) {}
Process::~Process() { tree_->abandon(); }

Task<Result<std::unique_ptr<Process>>> Process::start(Ctx ctx, Command command, Limits limits) {
  SKEP_CO_TRY_VOID(ctx.check());
  if (command.input.size() > limits.input_bytes)
    co_return fail(Code::kTooLarge, fmt::format("the input is over {} bytes", limits.input_bytes));
  SKEP_CO_TRY(Plan plan, make_plan(command, limits));
  auto tree = std::make_shared<Tree>(co_await boost::asio::this_coro::executor, limits);
  std::unique_ptr<Process> process(new Process(tree));
  SKEP_CO_TRY_VOID(tree->launch(std::move(plan), command));
  SKEP_CO_TRY_VOID(co_await tree->started(ctx));
  co_return process;
}

Result<void> Process::write(std::string_view bytes) { return tree_->write(bytes); }
void Process::end_input() { tree_->end_input(); }
Captured Process::take_out() { return tree_->take_out(); }
Captured Process::take_err() { return tree_->take_err(); }
bool Process::running() const { return tree_->running(); }
Task<Result<Outcome>> Process::wait(Ctx ctx) { return tree_->ended(std::move(ctx)); }
void Process::terminate() { tree_->terminate(End::kKilled); }
void Process::kill() { tree_->kill(End::kKilled); }

Task<Result<Outcome>> run(Ctx ctx, Command command, Limits limits) {
  SKEP_CO_TRY(const auto process, co_await Process::start(ctx, std::move(command), limits));
  auto outcome = co_await process->wait(ctx);
  if (outcome) co_return outcome;
  process->kill();
  Ctx until_gone;
  std::ignore = co_await process->wait(until_gone);
  co_return fail(std::move(outcome).error());
}

Task<Result<std::string>> probe(Ctx ctx) {
  SKEP_CO_TRY(const int abi, landlock::abi());
  Command command{.argv = {"/usr/bin/true"}};
  SKEP_CO_TRY(const Outcome outcome, co_await run(ctx, std::move(command), {}));
  if (outcome.end != End::kExited || outcome.code != 0)
    co_return fail(Code::kUnsupported,
                   fmt::format("/usr/bin/true did not run in the sandbox (code {})", outcome.code));
  co_return fmt::format("Landlock ABI {}, seccomp, own namespaces, resource limits", abi);
}

}  // namespace skep::sandbox
