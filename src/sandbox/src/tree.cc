#include "tree.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

#include "child.h"
#include "landlock.h"

namespace skep::sandbox {
namespace {

namespace asio = boost::asio;
using Wait = asio::posix::descriptor_base::wait_type;
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr int kReadsAtOnce = 16;                // then other work of the loop has its turn
constexpr std::chrono::milliseconds kRest{10};  // so at most 25 MB/s are read of what nobody keeps
constexpr std::size_t kWriteBytes = 64 * 1024;

using Descriptor = asio::posix::stream_descriptor;

// Hands a descriptor to the loop.
Result<void> watch(Descriptor& descriptor, Fd fd) {
  boost::system::error_code error;
  descriptor.assign(fd.get(), error);
  if (error) return fail(errno_error("watching a program", error.value()));
  fd.release();
  return {};
}

void shut(Descriptor& descriptor) {
  boost::system::error_code ignored;
  if (descriptor.is_open()) descriptor.close(ignored);
}

void reap(int pidfd) {
  siginfo_t ignored{};
  waitid(P_PIDFD, static_cast<id_t>(pidfd), &ignored, WEXITED);
}

}  // namespace

// The pipes while both sides' ends are here.
struct Tree::Ends {
  Pipe in, out, err, failure, ending, control;
  Fd ruleset;
};

Tree::Tree(const asio::any_io_executor& executor, const Limits& limits)
    : limits_(limits),
      out_(executor, limits.output_bytes),
      err_(executor, limits.output_bytes),
      in_(executor),
      failure_pipe_(executor),
      pidfd_(executor),
      wall_(executor),
      grace_(executor) {}

Tree::~Tree() { abandon(); }

Result<Tree::Ends> Tree::make_ends(Plan& plan) {
  Ends ends;
  for (Pipe* pipe : {&ends.in, &ends.out, &ends.err, &ends.failure, &ends.ending, &ends.control}) {
    SKEP_TRY(Pipe made, make_pipe());
    *pipe = std::move(made);
  }
  const Network network = plan.own_network ? Network::kNone : Network::kHost;
  SKEP_TRY(const int ruleset, landlock::make_ruleset(plan.landlock_abi, network));
  ends.ruleset = Fd(fcntl(ruleset, F_DUPFD_CLOEXEC, 3));
  close(ruleset);
  if (ends.ruleset.get() < 0) return fail(errno_error("keeping the Landlock ruleset", errno));
  plan.fds = {.in = ends.in.read.get(),
              .out = ends.out.write.get(),
              .err = ends.err.write.get(),
              .failure = ends.failure.write.get(),
              .ending = ends.ending.write.get(),
              .control = ends.control.read.get()};
  plan.ruleset = ends.ruleset.get();
  plan.keep = {plan.fds.in,     plan.fds.out,     plan.fds.err, plan.fds.failure,
               plan.fds.ending, plan.fds.control, plan.ruleset};
  std::ranges::sort(plan.keep);
  return ends;
}

Result<void> Tree::launch(Plan plan, const Command& command) {
  plan_ = std::move(plan);
  SKEP_TRY(Ends ends, make_ends(plan_));
  int pidfd = -1;
  if (fork_init(plan_, pidfd) < 0) {
    const std::string why = std::generic_category().message(errno);
    return fail(
        Code::kUnsupported,
        fmt::format(
            "this machine does not let skep make namespaces: {}; look at the sysctls "
            "user.max_user_namespaces, kernel.unprivileged_userns_clone and "
            "kernel.apparmor_restrict_unprivileged_userns, or the container's seccomp profile",
            why));
  }
  begun_ = std::chrono::steady_clock::now();
  Fd child(pidfd);
  if (auto watched = watch(pidfd_, Fd(fcntl(pidfd, F_DUPFD_CLOEXEC, 3))); !watched) {
    syscall(SYS_pidfd_send_signal, child.get(), SIGKILL, nullptr, 0);
    reap(child.get());
    return watched;
  }
  SKEP_TRY_VOID(listen(ends));
  start_clock();
  if (!command.input.empty()) SKEP_TRY_VOID(write(command.input));
  if (!command.keep_input_open) end_input();
  return {};
}

Result<void> Tree::listen(Ends& ends) {
  for (const int fd : {ends.in.write.get(), ends.out.read.get(), ends.err.read.get(),
                       ends.ending.read.get(), ends.control.write.get()})
    set_nonblocking(fd);
  SKEP_TRY_VOID(watch(in_, std::move(ends.in.write)));
  SKEP_TRY_VOID(watch(out_.pipe, std::move(ends.out.read)));
  SKEP_TRY_VOID(watch(err_.pipe, std::move(ends.err.read)));
  SKEP_TRY_VOID(watch(failure_pipe_, std::move(ends.failure.read)));
  ending_ = std::move(ends.ending.read);
  control_ = std::move(ends.control.write);
  listen_to(out_);
  listen_to(err_);
  failure_pipe_.async_wait(Wait::wait_read, [self = shared_from_this()](const auto& error) {
    if (!error) self->on_failure_pipe();
  });
  pidfd_.async_wait(Wait::wait_read, [self = shared_from_this()](const auto& error) {
    if (!error) self->on_end();
  });
  return {};
}

void Tree::listen_to(Output& output) {
  output.pipe.async_wait(Wait::wait_read, [self = shared_from_this(), &output](const auto& error) {
    if (error) return;
    char buffer[kReadBytes];
    for (int reads = 0; reads < kReadsAtOnce; ++reads) {
      const ssize_t got = ::read(output.pipe.native_handle(), buffer, sizeof buffer);
      if (got == 0) return shut(output.pipe);
      if (got < 0) break;
      output.capture.append({buffer, static_cast<std::size_t>(got)});
    }
    output.capture.overflows() ? self->rest(output) : self->listen_to(output);
  });
}

// Output that is only counted must not take the loop's time from others: the pipe fills meanwhile,
// and the program waits.
void Tree::rest(Output& output) {
  output.pause.expires_after(kRest);
  output.pause.async_wait([self = shared_from_this(), &output](const auto& error) {
    if (!error && output.pipe.is_open()) self->listen_to(output);
  });
}

// What is still in the pipe when nobody is left to write.
void Tree::drain(Output& output) {
  char buffer[kReadBytes];
  while (output.pipe.is_open()) {
    const ssize_t got = ::read(output.pipe.native_handle(), buffer, sizeof buffer);
    if (got <= 0) return shut(output.pipe);
    output.capture.append({buffer, static_cast<std::size_t>(got)});
  }
}

void Tree::start_clock() {
  wall_.expires_after(limits_.wall);
  wall_.async_wait([weak = weak_from_this()](const auto& error) {
    const auto self = weak.lock();
    if (!error && self) self->terminate(End::kTimeout);
  });
}

void Tree::on_failure_pipe() {
  Failure failure;
  const ssize_t got = ::read(failure_pipe_.native_handle(), &failure, sizeof failure);
  shut(failure_pipe_);
  // Nothing written: exec closed it. (Or the whole tree was killed; that the Outcome tells.)
  start_ = got == sizeof failure ? Result<void>(fail(explain(plan_, failure))) : Result<void>();
  changed_.notify_all();
}

Outcome Tree::read_outcome() {
  Outcome outcome;
  outcome.wall = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun_);
  Ending ending;
  const bool told = ::read(ending_.get(), &ending, sizeof ending) == sizeof ending;
  if (told) outcome.cpu = std::chrono::milliseconds(ending.cpu_us / 1000);
  if (killed_) {
    outcome.end = *killed_;
  } else if (told && WIFEXITED(ending.status)) {
    outcome.code = WEXITSTATUS(ending.status);
  } else {
    outcome.end = End::kSignalled;
    outcome.code = told ? WTERMSIG(ending.status) : SIGKILL;
  }
  outcome.out = take_out();
  outcome.err = take_err();
  return outcome;
}

void Tree::on_end() {
  if (failure_pipe_.is_open()) on_failure_pipe();
  reap(pidfd_.native_handle());
  drain(out_);
  drain(err_);  // afterwards both are closed
  outcome_ = read_outcome();
  for (asio::steady_timer* timer : {&wall_, &grace_, &out_.pause, &err_.pause}) timer->cancel();
  shut(pidfd_);
  shut(in_);
  control_.reset();
  changed_.notify_all();
}

Task<Result<void>> Tree::started(Ctx ctx) {
  const auto self = shared_from_this();
  while (!start_) {
    if (const auto waited = co_await changed_.wait(ctx); !waited) {
      kill(End::kKilled);
      co_return fail(waited.error());
    }
  }
  co_return *start_;
}

Task<Result<Outcome>> Tree::ended(Ctx ctx) {
  const auto self = shared_from_this();
  while (!outcome_) SKEP_CO_TRY_VOID(co_await changed_.wait(ctx));
  co_return *outcome_;
}

Result<void> Tree::write(std::string_view bytes) {
  if (!in_.is_open() || input_ends_)
    return fail(Code::kUnavailable, "the program no longer reads its input");
  if (bytes.size() > limits_.input_bytes - std::min(limits_.input_bytes, input_.size())) {
    return fail(Code::kExhausted,
                fmt::format("the program has not taken the input so far; at most {} bytes wait",
                            limits_.input_bytes));
  }
  input_ += bytes;
  if (!feeding_) feed();
  return {};
}

void Tree::end_input() {
  input_ends_ = true;
  if (!feeding_ && in_.is_open()) feed();
}

void Tree::feed() {
  feeding_ = false;
  while (!input_.empty()) {
    const std::string_view piece = std::string_view(input_).substr(0, kWriteBytes);
    const ssize_t written = write_quietly(in_.native_handle(), piece);
    if (written < 0 && errno != EAGAIN) {
      input_.clear();
      return shut(in_);
    }
    if (written < 0) break;
    input_.erase(0, static_cast<std::size_t>(written));
  }
  if (input_.empty()) {
    if (input_ends_) shut(in_);
    return;
  }
  feeding_ = true;
  in_.async_wait(Wait::wait_write, [self = shared_from_this()](const auto& error) {
    if (!error && self->in_.is_open()) self->feed();
  });
}

void Tree::terminate(End why) {
  if (!running() || killed_) return;  // a second order must not put the SIGKILL off
  killed_ = why;
  const char order = 'T';
  if (control_.get() < 0 || write_quietly(control_.get(), {&order, 1}) != 1) return kill(why);
  grace_.expires_after(limits_.grace);
  grace_.async_wait([weak = weak_from_this(), why](const auto& error) {
    const auto self = weak.lock();
    if (!error && self) self->kill(why);
  });
}

void Tree::kill(End why) {
  if (!running() || !pidfd_.is_open()) return;
  if (!killed_) killed_ = why;
  syscall(SYS_pidfd_send_signal, pidfd_.native_handle(), SIGKILL, nullptr, 0);
}

void Tree::abandon() {
  if (!pidfd_.is_open()) return;
  kill(End::kKilled);
  on_end();
}

}  // namespace skep::sandbox
