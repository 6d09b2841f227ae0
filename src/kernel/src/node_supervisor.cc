#include "node_supervisor.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <csignal>
#include <filesystem>

#include "node_status.h"
#include "skep/base/log.h"

namespace skep::kernel {
namespace {

using boost::asio::posix::stream_descriptor;
constexpr Millis kPauseMin{100}, kPauseMax{30'000};
constexpr std::chrono::seconds kLivedLong{10};

// glibc 2.36 declares these without C linkage.
int pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }
void pidfd_signal(int fd, int signal) {
  (void)::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0);
}

// Exit codes of `skep` that say: not like this (docs/errors.md, command_line.h).
bool cannot_help(int code) { return code == 64 || code == 77 || code == 78; }

struct Attributes {
  Attributes() {
    posix_spawnattr_init(&value);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setpgroup(&value, 0);  // Ctrl-C in a terminal is for us, and we tell it
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~Attributes() {
    posix_spawnattr_destroy(&value);
    posix_spawn_file_actions_destroy(&files);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t value{};
  posix_spawn_file_actions_t files{};
};

Result<int> spawn(const std::vector<std::string>& words) {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (error) return fail(errno_error("finding our own program", error.value()));
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const Attributes attributes;
  pid_t pid = 0;
  const int failed =
      posix_spawn(&pid, self.c_str(), &attributes.files, &attributes.value, argv.data(), environ);
  if (failed != 0) return fail(errno_error("starting " + self, failed));
  return pid;
}

}  // namespace

struct NodeSupervisor::Child {
  Child(NodeKind k, Loop& loop) : kind(k), pidfd(loop.executor()) {}
  NodeKind kind;
  Status status;
  stream_descriptor pidfd;
  bool ours = false;  // it is our child: its exit code is for us
  bool stopping = false, done = false;
  int code = -1;  // of the last end; -1: a signal, or not known
  Signal changed;
};

NodeSupervisor::NodeSupervisor(Loop& loop, std::string home, std::vector<std::string> arguments)
    : loop_(loop), home_(std::move(home)), arguments_(std::move(arguments)), gate_(loop) {}
NodeSupervisor::~NodeSupervisor() = default;

void NodeSupervisor::start(NodeKind kind) {
  Child& child = *children_.emplace(kind, std::make_unique<Child>(kind, loop_)).first->second;
  gate_.spawn("node process", run(gate_.ctx(), child));
}

Task<void> NodeSupervisor::run(Ctx ctx, Child& child) {
  Millis pause = kPauseMin;
  while (!child.stopping && ctx.check()) {
    const SteadyTime begun = std::chrono::steady_clock::now();
    if (adopt(child) || launch(child)) co_await watch(ctx, child);
    if (child.stopping || !ctx.check()) break;
    if (child.ours && cannot_help(child.code)) {
      child.status.state = "given up";
      log::error("nodes",
                 "the process of {} ended with {}; it is not started again before the "
                 "next `skep up`",
                 kind_name(child.kind), child.status.last_end);
      break;
    }
    child.status.state = "waiting";
    if (std::chrono::steady_clock::now() - begun > kLivedLong) pause = kPauseMin;
    log::warn("nodes", "the process of {} ended ({}); starting it again in {} ms",
              kind_name(child.kind), child.status.last_end, pause.count());
    (void)co_await child.changed.wait(ctx.within(pause));  // stop() may come
    pause = std::min(pause * 2, kPauseMax);
    ++child.status.restarts;
  }
  child.done = true;
  child.changed.notify_all();
}

// One that a killed `skep up` left, or that somebody started by hand.
bool NodeSupervisor::adopt(Child& child) {
  const auto pid = node_pid(home_, child.kind);
  const int fd = pid ? pidfd_open(*pid) : -1;
  if (fd < 0) return false;
  log::info("nodes", "the process of {} is running already (pid {})", kind_name(child.kind), *pid);
  child.pidfd.assign(fd);
  child.ours = false;
  child.status.pid = *pid;
  return true;
}

bool NodeSupervisor::launch(Child& child) {
  std::vector<std::string> words{"skep", "node", std::string(kind_name(child.kind))};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  const Result<int> pid = spawn(words);
  const int fd = pid ? pidfd_open(*pid) : -1;
  child.ours = true;
  child.code = -1;
  if (fd < 0) {
    child.status.last_end = pid ? "no descriptor for it" : pid.error().message;
    return false;
  }
  log::info("nodes", "started a process for {} (pid {})", kind_name(child.kind), *pid);
  child.pidfd.assign(fd);
  child.status.pid = *pid;
  return true;
}

// Until it has ended, and been reaped.
Task<void> NodeSupervisor::watch(Ctx ctx, Child& child) {
  child.status.state = "running";
  bool ended = false;
  child.pidfd.async_wait(stream_descriptor::wait_read, [&](const boost::system::error_code& error) {
    ended = true;
    if (!error) child.changed.notify_all();
  });
  const Ctx unbounded;
  while (!ended) (void)co_await child.changed.wait(ctx.check() ? ctx : unbounded);
  siginfo_t info{};
  const bool known = child.ours && ::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.native_handle()),
                                            &info, WEXITED) == 0;
  child.code = known && info.si_code == CLD_EXITED ? info.si_status : -1;
  child.status.last_end = "an end we did not see";
  if (known)
    child.status.last_end =
        fmt::format("{} {}", info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
  boost::system::error_code ignored;
  child.pidfd.close(ignored);
  child.status.pid = 0;
}

Task<void> NodeSupervisor::stop(NodeKind kind, Ctx ctx) {
  const auto at = children_.find(kind);
  if (at == children_.end()) co_return;
  Child& child = *at->second;
  child.stopping = true;
  child.changed.notify_all();
  const auto send = [&child](int signal) {
    if (child.pidfd.is_open()) pidfd_signal(child.pidfd.native_handle(), signal);
  };
  send(SIGTERM);
  while (!child.done) {
    if (co_await child.changed.wait(ctx)) continue;
    if (!child.done)
      log::warn("nodes", "the process of {} does not end: killing it", kind_name(kind));
    send(SIGKILL);
    const Ctx unbounded;
    while (!child.done) (void)co_await child.changed.wait(unbounded);
  }
}

Task<void> NodeSupervisor::close() { return gate_.close(); }

std::optional<NodeSupervisor::Status> NodeSupervisor::status(NodeKind kind) const {
  const auto at = children_.find(kind);
  if (at == children_.end()) return std::nullopt;
  return at->second->status;
}

}  // namespace skep::kernel
