#include "support.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

namespace skep::fabric {
namespace {

Task<void> poll_until(const std::function<bool()>* done, SteadyTime end, bool* met) {
  while (!(*met = (*done)()) && std::chrono::steady_clock::now() < end) {
    Ctx ctx;
    (void)co_await sleep_for(ctx, std::chrono::milliseconds(1));
  }
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "skep-fabric-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}
TempDir::~TempDir() { std::filesystem::remove_all(path_); }

bool run_until(Loop& loop, const std::function<bool()>& done, std::chrono::seconds limit) {
  bool met = false;
  loop.run(poll_until(&done, std::chrono::steady_clock::now() + limit, &met));
  return met;
}

RawNode::RawNode(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  closed = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
}
RawNode::~RawNode() { close(); }
RawNode::RawNode(RawNode&& other) noexcept
    : id(std::move(other.id)),
      frames(std::move(other.frames)),
      texts(std::move(other.texts)),
      closed(other.closed),
      fd_(std::exchange(other.fd_, -1)),
      in_(std::move(other.in_)) {}

void RawNode::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawNode::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string with_length(std::string_view json) {
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8)
    frame += static_cast<char>(json.size() >> shift & 0xff);
  return frame.append(json);
}

void RawNode::send(std::string_view frame_json) { send_bytes(with_length(frame_json)); }

void RawNode::read() {
  char buffer[65'536];
  ssize_t got = 0;
  while ((got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
    in_.append(buffer, static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EAGAIN)) closed = true;
  while (in_.size() >= 4) {
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(in_[i]);
    if (in_.size() < 4 + length) return;
    texts.push_back(in_.substr(4, length));
    frames.push_back(*parse_json(texts.back()));
    in_.erase(0, 4 + length);
  }
}

std::optional<json::value> RawNode::next(Loop& loop) {
  const bool came = run_until(loop, [this] {
    read();
    return !frames.empty() || closed;
  });
  if (!came || frames.empty()) return {};
  json::value first = std::move(frames.front());
  frames.erase(frames.begin());
  texts.erase(texts.begin());
  return first;
}

std::optional<json::value> RawNode::word(Loop& loop, std::string_view msg) {
  while (auto frame = next(loop)) {
    if (msg_of(*frame) == msg) return frame;
  }
  return {};
}

bool RawNode::ends(Loop& loop) {
  return run_until(loop, [this] {
    read();
    return closed;
  });
}

void RawNode::say_hello(std::string_view name, std::string_view token) {
  json::object payload{{"uuid", id}, {"name", name}, {"version", "1.0"}};
  if (!token.empty()) payload["token"] = token;
  json::value frame{{"routing", {{"src", id}, {"dst", nullptr}, {"ttl", 1}, {"trace_id", "hello"}}},
                    {"meta", {{"type", "system"}, {"msg", "HELLO"}}},
                    {"payload", std::move(payload)}};
  send(to_json(frame));
}

json::value RawNode::hello(Loop& loop, std::string_view name, std::string_view token) {
  say_hello(name, token);
  return next(loop).value_or(json::object());
}

std::string RawNode::message_to(std::string_view dst, std::string_view content,
                                std::string_view message_id, int ttl) const {
  json::object meta{{"type", "user"}};
  if (!message_id.empty()) meta["id"] = message_id;
  json::value frame{
      {"routing", {{"src", id}, {"dst", dst}, {"ttl", ttl}, {"trace_id", "trace"}}},
      {"meta", std::move(meta)},
      {"payload", {{"type", "text"}, {"content", content}, {"attachments", json::array()}}}};
  return to_json(frame);
}

std::string reason_of(const json::value& frame) {
  const json::value* payload = get_member(frame, "payload");
  return payload == nullptr ? "" : std::string(get_string(*payload, "reason"));
}
std::string msg_of(const json::value& frame) {
  const json::value* meta = get_member(frame, "meta");
  return meta == nullptr ? "" : std::string(get_string(*meta, "msg"));
}

}  // namespace skep::fabric
