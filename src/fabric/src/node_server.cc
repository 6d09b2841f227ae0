#include "skep/fabric/node_server.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <filesystem>
#include <unordered_map>

#include "node_session.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"

namespace skep::fabric {
namespace {

constexpr int kAcceptsAtOnce = 64;
constexpr int kRetryAfterMs = 1'000;
constexpr std::chrono::milliseconds kHandshakeSweep{250};

// Ten thousand nodes are ten thousand descriptors.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Held until the process ends or the descriptor is closed.
Result<int> lock_name(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno_error("opening " + path, errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int error = errno;
  ::close(fd);
  if (error != EWOULDBLOCK) return fail(errno_error("locking " + path, error));
  return fail(Code::kConflict,
              fmt::format("another process is this router already (it holds {}); give this one "
                          "another name",
                          path));
}

Result<int> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Code::kInvalid, fmt::format("\"{}\" is too long for a socket's path ({} bytes are "
                                            "allowed); choose a shorter home",
                                            path, sizeof address.sun_path - 1));
  }
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(errno_error("making a socket", errno));
  ::unlink(path.c_str());  // the lock is ours: what stands there is a dead router's
  ::fchmod(fd, 0660);      // before bind, so that nobody finds it open wider
  const bool up = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                  ::listen(fd, SOMAXCONN) == 0;
  if (up) return fd;
  const int error = errno;
  ::close(fd);
  return fail(errno_error("listening on " + path, error));
}

std::optional<uid_t> peer_uid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return credentials.uid;
}

class Server final : public NodeServer, private NodeSessions {
 public:
  Server(Loop& loop, Router& router, NodeServerConfig settings, int lock, int listener)
      : settings_(std::move(settings)),
        hub_(router.core().frames(loop)),
        lock_(lock),
        listener_(loop.executor(), listener),
        timer_(loop.executor()) {
    core = &router.core();
    config = &settings_;
    path_ = fmt::format("{}/{}.sock", settings_.directory, core->config().name.base());
    hub_->spin(settings_.spin);
    await_node();
    await_sweep();
  }
  ~Server() override {
    ::unlink(path_.c_str());
    ::close(lock_);
  }

  Task<void> close(Ctx ctx) override;
  [[nodiscard]] NodeServerStats stats() const override;
  [[nodiscard]] std::string path() const override { return path_; }

 private:
  void registered(NodeSession& session) override;
  void gone(NodeSession& session) override;
  void await_node();
  void await_sweep();
  void accept_some();
  void take_in(int fd);
  void forget_handshake(NodeSession& session);

  NodeServerConfig settings_;
  std::shared_ptr<FrameHub> hub_;
  int lock_;
  std::string path_;
  bool closing_ = false, paused_ = false;
  std::vector<std::unique_ptr<NodeSession>> sessions_;
  std::vector<NodeSession*> handshakes_;
  std::unordered_map<uid_t, std::size_t> per_user_;
  std::size_t registered_ = 0;
  boost::asio::posix::stream_descriptor listener_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>();  // for handlers that come too late
};

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

void Server::await_node() {
  listener_.async_wait(
      boost::asio::posix::descriptor_base::wait_read,
      [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (error || alive.expired() || closing_) return;
        accept_some();
        if (!paused_) await_node();
      });
}

void Server::accept_some() {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    const int fd =
        ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take_in(fd);
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    // Out of descriptors or memory: the sweep tries again, or this would spin.
    log::warn("fabric", "cannot take another node: {}", errno_error("accept", errno).message);
    paused_ = true;
    return;
  }
}

void Server::take_in(int fd) {
  ++NodeSessions::stats.accepted;
  const auto uid = peer_uid(fd);
  if (!uid) {
    ::close(fd);
    return;
  }
  NodeSessions& self = *this;
  auto session = std::make_unique<NodeSession>(self, hub_, fd, *uid);
  session->place = sessions_.size();
  session->handshake_place = handshakes_.size();
  NodeSession& taken = *session;
  sessions_.push_back(std::move(session));
  handshakes_.push_back(&taken);
  const std::size_t of_user = ++per_user_[*uid];
  if (sessions_.size() > settings_.connections_max || of_user > settings_.connections_per_user_max)
    taken.reject("TOO_MANY_NODES", "this router has as many nodes as it may have", kRetryAfterMs);
}

void Server::registered(NodeSession& session) {
  ++registered_;
  forget_handshake(session);
}

void Server::forget_handshake(NodeSession& session) {
  const std::size_t at = std::exchange(session.handshake_place, kNowhere);
  if (at == kNowhere) return;
  handshakes_[at] = handshakes_.back();
  handshakes_[at]->handshake_place = at;
  handshakes_.pop_back();
  session.handshake_place = kNowhere;
}

void Server::gone(NodeSession& session) {
  if (session.handshake_place == kNowhere) --registered_;
  forget_handshake(session);
  if (auto at = per_user_.find(session.uid()); --at->second == 0) per_user_.erase(at);
  const std::size_t place = session.place;
  std::swap(sessions_[place], sessions_.back());
  sessions_[place]->place = place;
  sessions_.pop_back();
}

void Server::await_sweep() {
  timer_.expires_after(kHandshakeSweep);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired() || closing_) return;
    const SteadyTime late = std::chrono::steady_clock::now() - settings_.handshake_timeout;
    for (NodeSession* session : std::vector<NodeSession*>(handshakes_)) {
      if (session->since() <= late) session->reject("BAD_HELLO", "no HELLO in time");
    }
    if (std::exchange(paused_, false)) await_node();
    await_sweep();
  });
}

Task<void> Server::close(Ctx ctx) {
  closing_ = true;
  boost::system::error_code ignored;
  listener_.close(ignored);
  timer_.cancel();
  for (const auto& session : sessions_) session->say_goodbye();
  while (!sessions_.empty()) {
    auto slept = co_await sleep_for(ctx, std::chrono::milliseconds(1));
    if (!slept) break;
  }
  sessions_.clear();
  ::unlink(path_.c_str());
}

NodeServerStats Server::stats() const {
  NodeServerStats now = NodeSessions::stats;
  now.connections = sessions_.size();
  now.registered = registered_;
  now.frames_in = traffic.frames_in;
  now.frames_out = traffic.frames_out;
  now.bytes_in = traffic.bytes_in;
  now.bytes_out = traffic.bytes_out;
  return now;
}

}  // namespace

Result<std::unique_ptr<NodeServer>> NodeServer::open(Loop& loop, Router& router,
                                                     NodeServerConfig config) {
  std::error_code error;
  std::filesystem::create_directories(config.directory, error);
  if (error) return fail(errno_error("making " + config.directory, error.value()));
  raise_descriptor_limit();
  const std::string base =
      fmt::format("{}/{}", config.directory, router.core().config().name.base());
  SKEP_TRY(const int lock, lock_name(base + ".lock"));
  auto listener = listen_at(base + ".sock");
  if (!listener) {
    ::close(lock);
    return fail(std::move(listener).error());
  }
  return std::make_unique<Server>(loop, router, std::move(config), lock, *listener);
}

}  // namespace skep::fabric
