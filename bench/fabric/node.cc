#include "node.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "../measure.h"
#include "skep/base/id.h"
#include "skep/base/json.h"

namespace skep::bench {
namespace {

constexpr std::size_t kFlushBytes = 64u << 10;

void append_with_length(std::string& out, std::string_view json) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(json.size() >> shift & 0xff);
  out += json;
}

}  // namespace

Node::Node(const std::string& socket_path, const std::string& name, bool shared)
    : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)), id_(Uuid::random().str()) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die("cannot connect to " + socket_path);
  append_with_length(out_,
                     fmt::format(R"({{"routing":{{"src":"{0}","dst":null,"ttl":1,"trace_id":"h"}},)"
                                 R"("meta":{{"type":"system","msg":"HELLO"}},)"
                                 R"("payload":{{"uuid":"{0}","name":"{1}","version":"1.0"{2}}}}})",
                                 id_, name, shared ? R"(,"shared_memory":1)" : ""));
  head_ = fmt::format(R"({{"routing":{{"src":"{}","dst":")", id_);
  flush();
  const fabric::EnvelopeView& announced = receive();
  if (announced.msg != "ANNOUNCE") die("the router refused " + name);
  if (!shared) return;
  const auto payload = parse_json(announced.payload);
  const json::value* offer = payload ? get_member(*payload, "shared_memory") : nullptr;
  if (offer == nullptr) die("the router shares no memory with " + name);
  auto joined = fabric::SharedMemory::join(
      std::move(fds_), static_cast<std::size_t>(get_int(*offer, "ring_bytes").value_or(0)));
  if (!joined) die(joined.error().message);
  shared_ = std::move(*joined);
  beside_ = fabric::may_run_beside(fd_);
}

Node::~Node() { ::close(fd_); }

const fabric::EnvelopeView& Node::receive() {
  const fabric::EnvelopeView& view = receive_any();
  if (view.msg == "UNREACHABLE") die(std::string(view.payload));
  return view;
}

const fabric::EnvelopeView& Node::receive_any() {
  while (true) {
    auto frame = in_.next();
    if (!frame) die(frame.error().message);
    if (!frame->empty()) {
      auto view = reader_.read(*frame);
      if (!view) die(view.error().message);
      if ((*view)->msg == "PING" || (*view)->msg == "PONG") continue;
      return **view;
    }
    read_some();
  }
}

void Node::read_some() {
  if (!shared_) {
    const auto space = in_.space(kFlushBytes);
    const ssize_t got = fabric::receive_with_fds(fd_, space, 0, fds_);
    if (got <= 0) die("the router closed");
    return in_.filled(static_cast<std::size_t>(got));
  }
  fabric::RingReader& ring = shared_->in();
  while (true) {
    auto ready = ring.ready();
    if (!ready) die(ready.error().message);
    const std::size_t bytes = std::min(ready->size(), kFlushBytes);
    if (bytes == 0) {
      if (ring.sleep()) await_bell();
      continue;
    }
    std::memcpy(in_.space(bytes).data(), ready->data(), bytes);
    in_.filled(bytes);
    if (ring.consume(bytes)) shared_->ring();
    return;
  }
}

void Node::await_bell() {
  pollfd ends[2] = {{shared_->bell(), POLLIN, 0}, {fd_, POLLIN, 0}};
  if (::poll(ends, 2, -1) < 0 || ends[1].revents != 0) die("the router closed");
  shared_->hush();
}

void Node::send(std::string_view dst, std::string_view trace, std::string_view words) {
  const std::size_t begin = out_.size();
  out_.append(4, '\0');
  out_ += head_;
  out_ += dst;
  out_ += R"(","ttl":16,"trace_id":")";
  out_ += trace;
  out_ += R"("},"meta":{"type":"user"},"payload":{"type":"text","content":")";
  out_ += words;
  out_ += R"(","attachments":[]}})";
  const std::size_t length = out_.size() - begin - 4;
  for (int i = 0; i < 4; ++i)
    out_[begin + static_cast<std::size_t>(i)] = static_cast<char>(length >> (8 * (3 - i)) & 0xff);
  if (out_.size() >= kFlushBytes) flush();
}

void Node::flush_ring() {
  fabric::RingWriter& ring = shared_->out();
  for (std::string_view rest = out_; !rest.empty();) {
    auto space = ring.space();
    if (!space) die(space.error().message);
    const std::size_t bytes = std::min(space->size(), rest.size());
    if (beside_ && bytes >= fabric::kAcrossBytesMin) {
      fabric::copy_across(space->data(), rest.data(), bytes);
    } else {
      std::memcpy(space->data(), rest.data(), bytes);
    }
    ring.fill(bytes);
    rest.remove_prefix(bytes);
    if (ring.publish()) shared_->ring();
    if (bytes == 0 && ring.await_space()) await_bell();
  }
  out_.clear();
}

void Node::flush() {
  if (shared_) return flush_ring();
  std::string_view rest = out_;
  while (!rest.empty()) {
    const ssize_t sent = ::write(fd_, rest.data(), rest.size());
    if (sent <= 0) die("cannot write to the router");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  out_.clear();
}

void end_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) die("cannot pin to a core");
}

}  // namespace skep::bench
