#include "curl_multi.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <mutex>

namespace skep::net {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr int kEventsMax = 64;         // handled in one turn of the loop; the rest come in the next
constexpr long kIdleConnections = 64;  // kept open between requests

}  // namespace

// libcurl's sockets live in an epoll of their own, and the loop watches that: level-triggered, as
// libcurl expects, and free of any order between closing a socket and forgetting it. It costs one
// epoll_wait a turn.
struct CurlMulti::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(const asio::any_io_executor& executor)
      : multi(curl_multi_init()), epoll(executor), timer(executor) {}
  ~Impl() { curl_multi_cleanup(multi); }

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    static_cast<Impl*>(self)->watch(fd, what, known != nullptr);
    return 0;
  }
  static int on_timer(CURLM*, long timeout_ms, void* self) {
    static_cast<Impl*>(self)->set_timer(timeout_ms);
    return 0;
  }

  void watch(curl_socket_t fd, int what, bool known) {
    epoll_event event{};
    event.data.fd = fd;
    if ((what & CURL_POLL_IN) != 0 && what != CURL_POLL_REMOVE) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0 && what != CURL_POLL_REMOVE) event.events |= EPOLLOUT;
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(epoll.native_handle(), EPOLL_CTL_DEL, fd, &event);
      return;
    }
    if (::epoll_ctl(epoll.native_handle(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) ==
            0 &&
        !known) {
      curl_multi_assign(multi, fd, this);
    }
  }

  void set_timer(long timeout_ms) {
    due.reset();
    if (timeout_ms >= 0) due = Clock::now() + std::chrono::milliseconds(timeout_ms);
    if (!driving) arm();
  }

  // Makes sure that on_due runs at `due` or before; an earlier alarm just looks again.
  void arm() {
    if (!due || (armed_for && *armed_for <= *due)) return;
    armed_for = due;
    if (*due <= Clock::now()) {
      asio::post(epoll.get_executor(), [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->on_due();
      });
      return;
    }
    timer.expires_at(*due);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      if (error) return;
      if (auto self = weak.lock()) self->on_due();
    });
  }

  void on_due() {
    armed_for.reset();
    if (due && *due <= Clock::now()) return drive(CURL_SOCKET_TIMEOUT, 0);
    arm();
  }

  void drive(curl_socket_t fd, int what) {
    if (fd == CURL_SOCKET_TIMEOUT) due.reset();
    driving = true;
    int running = 0;
    curl_multi_socket_action(multi, fd, what, &running);
    driving = false;
    collect();
    arm();
  }

  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CurlJob* job = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
      job->finished(message->data.result);
    }
  }

  void wait_for_sockets() {
    epoll.async_wait(asio::posix::descriptor_base::wait_read,
                     [weak = weak_from_this()](const boost::system::error_code& error) {
                       if (error) return;
                       if (auto self = weak.lock()) self->on_sockets();
                     });
  }

  void on_sockets() {
    std::array<epoll_event, kEventsMax> events{};
    const int count = ::epoll_wait(epoll.native_handle(), events.data(), kEventsMax, 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      int what = 0;
      if ((event.events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
      if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
      if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
      drive(event.data.fd, what);
    }
    wait_for_sockets();
  }

  CURLM* multi;
  asio::posix::stream_descriptor epoll;
  asio::steady_timer timer;
  std::optional<Clock::time_point> due;        // when libcurl wants to be called
  std::optional<Clock::time_point> armed_for;  // when the next alarm comes
  bool driving = false;  // inside libcurl: the timer is armed once, at the end
};

CurlMulti::CurlMulti(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

void init_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Result<std::shared_ptr<CurlMulti>> CurlMulti::open(const asio::any_io_executor& executor,
                                                   std::size_t connections_per_host_max) {
  init_curl();
  auto impl = std::make_shared<Impl>(executor);
  if (impl->multi == nullptr) return fail(Code::kExhausted, "libcurl has no memory");
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return fail(errno_error("opening an epoll for the HTTP client", errno));
  boost::system::error_code error;
  impl->epoll.assign(fd, error);
  if (error) {
    ::close(fd);
    return fail(errno_error("watching the HTTP client's sockets", error.value()));
  }
  CURLM* multi = impl->multi;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, impl.get());
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, impl.get());
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(connections_per_host_max));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kIdleConnections);
  impl->wait_for_sockets();
  return std::shared_ptr<CurlMulti>(new CurlMulti(std::move(impl)));
}

CurlMulti::~CurlMulti() = default;

void CurlMulti::start(CURL* easy, CurlJob& job) {
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &job);
  impl_->driving = true;
  const CURLMcode added = curl_multi_add_handle(impl_->multi, easy);
  impl_->driving = false;
  if (added != CURLM_OK) return job.finished(CURLE_FAILED_INIT);
  impl_->drive(CURL_SOCKET_TIMEOUT, 0);
}

void CurlMulti::stop(CURL* easy) { curl_multi_remove_handle(impl_->multi, easy); }

}  // namespace skep::net
