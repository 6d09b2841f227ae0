// Everything that a program might try to get out of the sandbox, each attempt a test by its name.
// The attempts themselves are in escape_child.cc and what stands beside it.
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstring>
#include <thread>

#include "escape_child.h"
#include "support.h"

namespace skep::sandbox {
namespace {

using namespace testing;

class Escape : public SandboxTest {
 protected:
  Escape() {
    write_text(secret_, "the secret");
    leaked_ = open(secret_.c_str(), O_RDWR);  // without O_CLOEXEC: not even this is inherited
    fs::copy_file("/usr/bin/true", outside_ / "program");
  }
  ~Escape() override { close(leaked_); }
  Command attempt(std::string name, Network network = Network::kNone) {
    return {.argv = {"/opt/escape_child", std::move(name), outside_.str(), std::to_string(getpid()),
                     std::to_string(port_)},
            .directory = "/workspace",
            .readable = {{ESCAPE_CHILD, "/opt/escape_child"}},
            .writable = {{workspace_.str(), "/workspace"}},
            .network = network};
  }
  static Limits small() {
    return {.wall = 45s,  // a busy machine gives little time to a nice 10
            .grace = 200ms,
            .cpu = 5s,
            .memory_bytes = 256u << 20,
            .file_bytes = 8u << 20,
            .open_files = 64,
            .processes = 32,
            .scratch_bytes = 32u << 20,
            .output_bytes = 10'000};
  }
  void expect_refused(const std::string& name, Network network = Network::kNone) {
    const Outcome outcome = run(attempt(name, network), small());
    EXPECT_EQ(outcome.end, End::kExited) << outcome.out.text() << outcome.err.text();
    EXPECT_EQ(outcome.code, 0) << outcome.out.text() << outcome.err.text();
    EXPECT_TRUE(outcome.out.head.starts_with("refused"))
        << outcome.out.text() << outcome.err.text();
  }
  void expect_nothing_changed() {
    EXPECT_EQ(read_text(secret_), "the secret");
    EXPECT_FALSE(fs::exists(outside_ / "new"));
    EXPECT_FALSE(fs::exists(outside_ / "mine"));
  }

  TempFolder outside_;
  std::string secret_ = outside_ / "secret.txt";
  std::uint16_t port_ = 0;
  int leaked_ = -1;
};

std::string name_of(const ::testing::TestParamInfo<std::string>& info) { return info.param; }
std::vector<std::string> names(const std::vector<escape::Attempt>& attempts,
                               const std::vector<std::string>& without = {}) {
  std::vector<std::string> all;
  for (const escape::Attempt& attempt : attempts) {
    if (std::ranges::find(without, attempt.name) == without.end()) all.emplace_back(attempt.name);
  }
  return all;
}

// ---- files ----
class EscapeByFile : public Escape, public ::testing::WithParamInterface<std::string> {};
TEST_P(EscapeByFile, IsRefused) {
  const std::string shared = "/dev/shm/skep-escape-" + std::to_string(getpid());
  write_text(shared, "others'");
  expect_refused(GetParam());
  expect_nothing_changed();
  fs::remove(shared);
}
INSTANTIATE_TEST_SUITE_P(Files, EscapeByFile, ::testing::ValuesIn(names(escape::file_attempts())),
                         name_of);

// ---- kernel and processes ----
const std::vector<std::string> kDeadly = {
    "load_kernel",   "load_kernel_file",        "load_module", "load_module_file",
    "remove_module", "restart_machine",         "swap",        "account_processes",
    "port_access",   "call_of_other_word_size", "call_of_x32"};
class EscapeByCall : public Escape, public ::testing::WithParamInterface<std::string> {};
TEST_P(EscapeByCall, IsRefused) {
  const int segment = shmget(getpid(), 4096, IPC_CREAT | 0666);
  expect_refused(GetParam());
  shmctl(segment, IPC_RMID, nullptr);
}
INSTANTIATE_TEST_SUITE_P(Calls, EscapeByCall,
                         ::testing::ValuesIn(names(escape::kernel_attempts(), kDeadly)), name_of);

class DeadlyCall : public Escape, public ::testing::WithParamInterface<std::string> {};
TEST_P(DeadlyCall, IsDeath) {
  const Outcome outcome = run(attempt(GetParam()), small());
  EXPECT_EQ(outcome.end, End::kSignalled) << outcome.out.text();
  EXPECT_EQ(outcome.code, SIGSYS);
}
INSTANTIATE_TEST_SUITE_P(Calls, DeadlyCall, ::testing::ValuesIn(kDeadly), name_of);

// ---- network ----
class EscapeByNetwork : public Escape, public ::testing::WithParamInterface<std::string> {
 protected:
  EscapeByNetwork() {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    tcp_ = listener(AF_INET6, SOCK_STREAM, &any, sizeof any);
    socklen_t size = sizeof any;
    getsockname(tcp_, reinterpret_cast<sockaddr*>(&any), &size);
    port_ = ntohs(any.sin6_port);
    udp_ = listener(AF_INET6, SOCK_DGRAM, &any, sizeof any);
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::strcpy(path.sun_path, (outside_ / "door").c_str());
    door_ = listener(AF_UNIX, SOCK_STREAM, &path, sizeof path);
    const std::string name = "skep-escape-" + std::to_string(getpid());
    path.sun_path[0] = '\0';
    std::memcpy(path.sun_path + 1, name.data(), name.size());
    const auto abstract_size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    abstract_ = listener(AF_UNIX, SOCK_STREAM, &path, abstract_size);
    path.sun_path[1] = 'd';
    datagram_ = listener(AF_UNIX, SOCK_DGRAM, &path, abstract_size);
    queue_ = "/" + name;
    mq_attr attributes{};
    attributes.mq_maxmsg = 1;
    attributes.mq_msgsize = 16;
    mq_close(mq_open(queue_.c_str(), O_CREAT | O_RDWR, 0666, &attributes));
  }
  ~EscapeByNetwork() override {
    for (const int fd : {tcp_, udp_, door_, abstract_, datagram_}) close(fd);
    mq_unlink(queue_.c_str());
  }
  static int listener(int family, int type, const void* address, socklen_t size) {
    const int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd, static_cast<const sockaddr*>(address), size), 0) << std::strerror(errno);
    if (type == SOCK_STREAM) EXPECT_EQ(listen(fd, 4), 0);
    return fd;
  }
  bool was_reached(int fd) const {
    char byte = 0;
    return accept(fd, nullptr, nullptr) >= 0 || recv(fd, &byte, 1, 0) > 0;
  }
  bool any_was_reached() const {
    return was_reached(tcp_) || was_reached(udp_) || was_reached(door_) || was_reached(abstract_) ||
           was_reached(datagram_);
  }
  int tcp_ = -1, udp_ = -1, door_ = -1, abstract_ = -1, datagram_ = -1;
  std::string queue_;
};
TEST_P(EscapeByNetwork, IsRefused) {
  expect_refused(GetParam());
  EXPECT_FALSE(any_was_reached());
}
INSTANTIATE_TEST_SUITE_P(Sockets, EscapeByNetwork,
                         ::testing::ValuesIn(names(escape::network_attempts())), name_of);

// Where the network is granted, these still are not.
class EscapeByGrantedNetwork : public EscapeByNetwork {};
TEST_P(EscapeByGrantedNetwork, IsRefused) {
  expect_refused(GetParam(), Network::kHost);
  EXPECT_FALSE(any_was_reached());
}
INSTANTIATE_TEST_SUITE_P(Sockets, EscapeByGrantedNetwork,
                         ::testing::Values("raw_socket", "packet_socket", "old_packet_socket",
                                           "netlink_socket", "vsock_socket", "crypto_socket",
                                           "bluetooth_socket", "can_socket", "key_socket",
                                           "xdp_socket", "abstract_socket",
                                           "abstract_datagram_from_pair", "path_socket",
                                           "message_queue_of_others"),
                         name_of);

// The attempts can succeed: otherwise their refusal would show nothing.
class GrantedNetwork : public EscapeByNetwork {};
TEST_P(GrantedNetwork, Reaches) {
  const Outcome outcome = run(attempt(GetParam(), Network::kHost), small());
  EXPECT_EQ(outcome.code, 1) << outcome.out.text();
  EXPECT_TRUE(any_was_reached());
}
INSTANTIATE_TEST_SUITE_P(Sockets, GrantedNetwork,
                         ::testing::Values("tcp_loopback", "udp_loopback", "tcp6_loopback"),
                         name_of);

TEST_F(Escape, TheAttemptsSucceedWithoutASandbox) {
  for (const char* name :
       {"read_outside", "stat_outside", "list_root", "read_by_absolute_link", "hard_link_outside",
        "watch_outside", "trace_child", "shared_memory_of_others", "inherited_descriptors",
        "environment_leaks"}) {
    const std::string shared = "/dev/shm/skep-escape-" + std::to_string(getpid());
    write_text(shared, "others'");
    const std::string line =
        fmt::format("cd {} && exec 7</dev/null && {} {} {} {} 0 >/dev/null", outside_.str(),
                    ESCAPE_CHILD, name, outside_.str(), getpid());
    const int status = std::system(line.c_str());
    EXPECT_EQ(WEXITSTATUS(status), 1) << name;
    fs::remove(shared);
  }
}

// ---- more than was granted ----
class EscapeByGreed : public Escape, public ::testing::WithParamInterface<std::string> {};
TEST_P(EscapeByGreed, IsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Bounds, EscapeByGreed,
                         ::testing::Values("fork_bomb", "nested_fork_bomb", "memory_bomb",
                                           "huge_file", "huge_hole", "full_scratch",
                                           "countless_files_in_scratch", "many_open_files",
                                           "core_file", "deep_stack", "zombies_stay"),
                         name_of);

TEST_F(Escape, EndlessOutputIsCountedAndNotKept) {
  Limits limits = small();
  limits.wall = 2s;
  const Outcome outcome = run(attempt("endless_output"), limits);
  EXPECT_EQ(outcome.end, End::kTimeout);
  EXPECT_LE(outcome.out.head.size() + outcome.out.tail.size(), limits.output_bytes);
  EXPECT_GT(outcome.out.left_out, limits.output_bytes);
}

class Spinner : public Escape, public ::testing::WithParamInterface<std::string> {};
TEST_P(Spinner, RunsOutOfCpuTime) {
  Limits limits = small();
  limits.cpu = 1s;
  const Outcome outcome = run(attempt(GetParam()), limits);
  EXPECT_EQ(outcome.end, End::kSignalled);
  EXPECT_EQ(outcome.code, GetParam() == "spin" ? SIGXCPU : SIGKILL);
  // The kernel counts the limit and what it reports by different clocks: no more can be said.
  EXPECT_GT(outcome.cpu, 0ms);
}
INSTANTIATE_TEST_SUITE_P(Time, Spinner, ::testing::Values("spin", "spin_ignoring_signals"),
                         name_of);

class Sleeper : public Escape, public ::testing::WithParamInterface<std::string> {
 protected:
  // Waits until nothing beats any more; false when it never stops.
  [[nodiscard]] bool is_quiet() const {
    const std::string beats = workspace_ / "heartbeat";
    for (int turn = 0; turn < 100; ++turn) {
      const std::string before = read_text(beats);
      std::this_thread::sleep_for(100ms);
      if (read_text(beats) == before) return true;
    }
    return false;
  }
};
TEST_P(Sleeper, DiesWhenItsTimeIsOver) {
  Limits limits = small();
  limits.wall = 300ms;
  EXPECT_EQ(run(attempt(GetParam()), limits).end, End::kTimeout);
  EXPECT_TRUE(is_quiet());
}
INSTANTIATE_TEST_SUITE_P(Time, Sleeper,
                         ::testing::Values("sleep_for_ever", "ignore_sigterm",
                                           "stopped_child_lives_on"),
                         name_of);

class Leaver : public Sleeper {};
TEST_P(Leaver, LeavesNothingBehind) {
  const Outcome outcome = run(attempt(GetParam()), small());
  EXPECT_EQ(outcome.end, End::kExited) << outcome.out.text();
  EXPECT_GT(read_text(workspace_ / "heartbeat").size(), 0u);
  EXPECT_TRUE(is_quiet());
}
INSTANTIATE_TEST_SUITE_P(Time, Leaver, ::testing::Values("daemon_outlives", "orphans_outlive"),
                         name_of);

class Orphan : public Sleeper {};
TEST_P(Orphan, DiesWithTheProcessThatStartedIt) {
  const pid_t starter = fork();
  if (starter == 0) {
    Loop loop;
    Limits limits = small();
    std::ignore = loop.run(sandbox::run(patient(), attempt(GetParam()), limits));
    _exit(0);
  }
  while (read_text(workspace_ / "heartbeat").empty()) std::this_thread::sleep_for(10ms);
  ::kill(starter, SIGKILL);
  waitpid(starter, nullptr, 0);
  EXPECT_TRUE(is_quiet());
}
INSTANTIATE_TEST_SUITE_P(Time, Orphan, ::testing::Values("ignore_sigterm"), name_of);

TEST_F(Escape, OurKeysAreNotInItsEnvironment) {
  setenv("SKEP_TEST_API_KEY", "sk-secret", 1);
  setenv("LD_PRELOAD_TEST", "x", 1);
  const Outcome outcome = run(shell("env; cat /proc/*/environ | tr '\\0' '\\n'"));
  unsetenv("SKEP_TEST_API_KEY");
  unsetenv("LD_PRELOAD_TEST");
  EXPECT_FALSE(outcome.out.text().contains("sk-secret")) << outcome.out.text();
  EXPECT_FALSE(outcome.out.text().contains("PRELOAD"));
  EXPECT_TRUE(outcome.out.text().contains("PATH=/usr/local/bin:/usr/bin:/bin"));
}

TEST_F(Escape, SecretsAndLoaderVariablesAreNotHandedOn) {
  for (const char* name : {"ANTHROPIC_API_KEY", "github_token", "DB_PASSWORD", "LD_PRELOAD"}) {
    setenv(name, "x", 1);
    Command command = shell("true");
    command.inherit = {name};
    EXPECT_EQ(refused(command).code, Code::kDenied) << name;
    unsetenv(name);
  }
  Command command = shell("true");
  command.environment = {{"LD_PRELOAD", "/workspace/evil.so"}};
  EXPECT_EQ(refused(command).code, Code::kDenied);
}

TEST_F(Escape, PlacesMayNotCoverTheSandboxItself) {
  for (const char* at : {"/usr/bin", "/etc", "/proc/1", "/dev/shm", "/lib", "relative", "/a/../usr",
                         "/a//b", "/workspace/."}) {
    Command command = shell("true");
    command.readable = {{outside_.str(), at}};
    EXPECT_EQ(refused(command).code, Code::kInvalid) << at;
  }
}

}  // namespace
}  // namespace skep::sandbox
