#include "node_status.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>

#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::kernel {
namespace {

constexpr std::chrono::seconds kLookEach{1};
constexpr std::size_t kFileBytesMax = 16u << 20;

// Who has the HomeLock of that folder.
std::optional<int> lock_holder(const std::string& directory) {
  const std::string path = directory + "/run/lock";
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
  ::close(fd);
  if (free) return std::nullopt;
  const auto text = store::read_file(path, 64);
  if (!text) return std::nullopt;
  const std::string_view digits = trim(*text);
  int pid = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  return end.ec == std::errc() && pid > 1 ? std::optional(pid) : std::nullopt;
}

}  // namespace

NodeStatusWriter::NodeStatusWriter(Loop& loop, std::string file,
                                   std::function<json::object()> status)
    : file_(std::move(file)), status_(std::move(status)), gate_(loop) {
  gate_.spawn("node status", run(gate_.ctx()));
}

Task<void> NodeStatusWriter::run(Ctx ctx) {
  do {
    write();
  } while (co_await sleep_for(ctx, kLookEach));
}

void NodeStatusWriter::write() {
  std::string now = to_json(status_());
  if (now == last_) return;
  if (auto written = store::write_file(file_, now); !written) {
    log::debug("nodes", "writing {}: {}", file_, written.error().message);
    return;
  }
  last_ = std::move(now);
}

Task<void> NodeStatusWriter::close() {
  co_await gate_.close();
  ::unlink(file_.c_str());
}

std::optional<int> node_pid(const std::string& home, NodeKind kind) {
  return lock_holder(node_directory(home, kind));
}

std::optional<json::object> read_node_file(const std::string& home, NodeKind kind,
                                           std::string_view file) {
  if (!node_pid(home, kind)) return std::nullopt;
  const auto text = store::read_file(node_directory(home, kind) + std::string(file), kFileBytesMax);
  auto said = text ? parse_json(*text, {.bytes_max = kFileBytesMax})
                   : Result<json::value>(fail(text.error()));
  if (!said || !said->is_object()) return std::nullopt;
  return std::move(said->get_object());
}

// One that a predecessor left is not its own.
std::optional<json::object> read_node_status(const std::string& home, NodeKind kind) {
  const auto pid = node_pid(home, kind);
  if (!pid) return std::nullopt;
  json::object status{{"kind", kind_name(kind)}, {"pid", *pid}};
  const auto said = read_node_file(home, kind, kStatusFile);
  if (!said || get_int(*said, "pid") != *pid) return status;
  for (const auto& [key, value] : *said) status[key] = value;
  return status;
}

void hang_up(const std::string& directory) {
  const auto pid = lock_holder(directory);
  if (pid) (void)::kill(*pid, SIGHUP);  // gone by now: the next one reads the file anyway
}

}  // namespace skep::kernel
