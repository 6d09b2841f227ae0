#include "skep/fabric/node_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "acks.h"
#include "courier.h"
#include "frame_socket.h"
#include "from_afar.h"
#include "intake.h"
#include "node_id_file.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/fabric/router.h"
#include "skep/store/journal.h"

namespace skep::fabric {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kRedialMin{100}, kRedialMax{30'000}, kHandshakeMax{5'000}, kTickEach{250};

Result<int> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, fmt::format("\"{}\" is too long for a socket's path", path));
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(errno_error("making a socket", errno));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return fail(errno_error("connecting to " + path, error));
}

bool cannot_mend_itself(std::string_view reason) {
  return reason == "BAD_NAME" || reason == "NAME_NOT_ALLOWED" || reason == "BAD_TOKEN";
}

bool settles(const Message& message) {
  return message.kind == Kind::kSystem &&
         (message.action == "ACK" || message.action == "NACK" || message.action == "UNREACHABLE" ||
          message.action == "TTL_EXCEEDED");
}

std::string journal_kind(std::string_view base_name) { return fmt::format("link:{}", base_name); }

// Without a directory it is known only to the caller where blobs are.
std::string blobs_of(const NodeLinkConfig& config) {
  if (!config.blobs.empty() || config.directory.empty()) return config.blobs;
  return config.directory + "/../../blobs";  // <home>/run/fabric -> <home>/blobs
}

class Link final : public NodeLink, public FrameSocket::Owner {
 public:
  Link(NodeLinkConfig config, Deps deps, NodeId id, Name name)
      : config_(std::move(config)),
        deps_(std::move(deps)),
        id_(id),
        base_(name.base()),
        hub_(FrameHub::make(deps_.loop)),
        texts_(deps_.loop, BlobStore({.directory = blobs_of(config_)})),
        courier_(courier_config(), courier_deps()),
        intake_(intake_deps()),
        gate_(deps_.loop) {
    courier_.restore();
    for (const Message& message : deps_.taken) intake_.taken_before(message.src, message.id.str());
  }

  void start() override {
    gate_.spawn("fabric link", run(gate_.ctx()));
    gate_.spawn("fabric link retries", retry(gate_.ctx()));
  }
  Task<void> close(Ctx ctx) override;
  Result<void> deliver(Message message) override;
  [[nodiscard]] NodeLinkStatus status() const override;
  [[nodiscard]] NodeId id() const override { return id_; }

 private:
  CourierConfig courier_config() const;
  Courier::Deps courier_deps();
  Intake::Deps intake_deps();
  [[nodiscard]] bool has_blobs() const { return !blobs_of(config_).empty(); }
  Task<void> run(Ctx ctx);
  Task<void> retry(Ctx ctx);
  Result<void> dial();
  void say_hello();

  void on_frame(std::string_view frame) override;
  void on_end(const Error& why) override;
  void on_silence() override {
    reader_.forget();
    say("PING");
  }
  void greeted(const EnvelopeView& view);
  bool share(const json::value& announced);
  void refused(const json::value& payload);
  bool word(const EnvelopeView& view);
  void arrived(const EnvelopeView& view);

  void say(std::string_view msg, std::string_view trace = {}, std::string_view payload = "{}");
  void answer(Message message);
  void report_lost(const Outbox::Item& item);
  void give_up(Error why);
  void down();

  NodeLinkConfig config_;
  Deps deps_;
  NodeId id_;
  std::string base_;  // of the name, without its hive
  std::string hive_;  // as the router said
  std::shared_ptr<FrameHub> hub_;
  FrameTraffic traffic_;
  std::unique_ptr<FrameSocket> socket_;
  EnvelopeReader reader_;
  Texts texts_;
  Courier courier_;
  Intake intake_;
  NodeLinkStatus status_;
  bool closing_ = false, given_up_ = false;
  milliseconds retry_after_{0};
  Signal changed_;  // up, down, given up
  Gate gate_;
};

CourierConfig Link::courier_config() const {
  return {.src = id_,
          .journal_kind = journal_kind(base_),
          .queue_messages_max = config_.queue_messages_max,
          .queue_bytes_max = config_.queue_bytes_max,
          .kept_max = config_.kept_max,
          .missing_kept_max = config_.missing_kept_max};
}

Courier::Deps Link::courier_deps() {
  return {.journal = deps_.journal,
          .blobs = has_blobs() ? &texts_.store() : nullptr,
          .send = [this](std::string_view frame, bool system) -> Result<void> {
            if (!socket_) return fail(Code::kUnavailable, "there is no router");
            return socket_->send_frame(frame, system);
          },
          .send_message = [this](const Message& message) -> Result<void> {
            if (!socket_) return fail(Code::kUnavailable, "there is no router");
            return socket_->send(message);
          },
          .too_old = [this](const Outbox::Item& item) { report_lost(item); },
          .undelivered = deps_.undelivered};
}

Intake::Deps Link::intake_deps() {
  return {.inbox = deps_.inbox,
          .texts = has_blobs() ? &texts_ : nullptr,
          .journal = deps_.journal,
          .journal_set = journal_kind(base_),
          .answer = [this](Message message) { answer(std::move(message)); }};
}

// -- connecting ----------------------------------------------------------------------------------

Task<void> Link::run(Ctx ctx) {
  milliseconds pause = kRedialMin;
  while (!given_up_ && ctx.check()) {
    Result<void> dialled = dial();
    if (!dialled) status_.last_error = dialled.error().message;
    Ctx handshake = ctx.within(kHandshakeMax);
    while (socket_ && !status_.up && !given_up_) {
      if (!co_await changed_.wait(handshake)) break;
    }
    if (status_.up) pause = kRedialMin;
    while (status_.up && !given_up_) {
      if (!co_await changed_.wait(ctx)) break;
    }
    if (!ctx.check() || given_up_) break;
    socket_.reset();
    (void)co_await sleep_for(ctx, std::max(pause, retry_after_));  // the loop's head asks the Ctx
    retry_after_ = milliseconds(0);
    pause = std::min(pause * 2, kRedialMax);
  }
}

Result<void> Link::dial() {
  std::vector<std::string> paths{config_.router};
  if (config_.router.empty()) paths = router_sockets(config_.directory, base_);
  Error last{Code::kUnavailable, "no router is running in " + config_.directory};
  for (const std::string& path : paths) {
    auto fd = connect_to(path);
    if (!fd) {
      last = std::move(fd).error();
      continue;
    }
    // Bounds are the outbox's; the socket takes what fits and is given the rest later.
    const FrameLimits limits{.frame_bytes_max = kStampedBytesMax,
                             .queue_messages_max = config_.queue_messages_max,
                             .queue_bytes_max = config_.queue_bytes_max};
    socket_ = std::make_unique<FrameSocket>(hub_, *fd, limits, *this, traffic_);
    say_hello();
    return {};
  }
  return fail(std::move(last));
}

void Link::say_hello() {
  json::object payload{{"uuid", id_.uuid.str()}, {"name", config_.name}, {"version", "1.0"}};
  if (!config_.token.empty()) payload["token"] = config_.token.reveal();
  if (config_.shared_memory) {
    payload["shared_memory"] = 1;
    socket_->expect_shared();
  }
  say("HELLO", {}, to_json(payload));
}

void Link::on_end(const Error& why) {
  if (status_.up) log::info("fabric", "lost the router: {}", why.message);
  status_.last_error = why.message;
  down();
}

void Link::down() {
  status_.up = false;
  courier_.down();
  socket_.reset();
  changed_.notify_all();
}

void Link::give_up(Error why) {
  given_up_ = true;
  status_.last_error = why.message;
  down();
  if (deps_.gave_up) deps_.gave_up(why);
}

// -- what comes ----------------------------------------------------------------------------------

void Link::on_frame(std::string_view frame) {
  const auto read = reader_.read(frame);
  if (!read) {
    log::warn("fabric", "the router sent what is no envelope: {}", read.error().message);
    return;
  }
  const EnvelopeView* view = *read;
  if (!status_.up) return greeted(*view);
  if (view->type == "system" && word(*view)) return;
  arrived(*view);
}

void Link::greeted(const EnvelopeView& view) {
  auto payload = parse_json(view.payload);
  if (!payload || view.type != "system") return;
  if (view.msg == "HELLO_REJECT") return refused(*payload);
  if (view.msg != "ANNOUNCE" || !share(*payload)) return;
  status_.up = true;
  ++status_.connects;
  status_.router = get_string(*payload, "router_name");
  if (const auto name = Name::parse(get_string(*payload, "name"))) hive_ = name->hive();
  status_.zone = static_cast<std::uint32_t>(get_int(*payload, "vpn_id").value_or(0));
  status_.last_error.clear();
  changed_.notify_all();
  courier_.up();
}

// False: the router speaks through memory that cannot be had here, so this connection is of no use.
bool Link::share(const json::value& announced) {
  const json::value* offer = get_member(announced, "shared_memory");
  status_.shared_memory = offer != nullptr;
  if (offer == nullptr) return true;
  const auto bytes = static_cast<std::size_t>(get_int(*offer, "ring_bytes").value_or(0));
  auto joined = socket_->join_shared(bytes);
  if (joined) return true;
  log::warn("fabric", "no shared memory with the router: {}", joined.error().message);
  config_.shared_memory = status_.shared_memory = false;
  socket_->end(std::move(joined).error());
  return false;
}

void Link::refused(const json::value& payload) {
  const std::string reason(get_string(payload, "reason"));
  const std::string text = fmt::format("the router refused \"{}\": {} ({})", config_.name, reason,
                                       get_string(payload, "message"));
  status_.last_error = text;
  retry_after_ = std::min(milliseconds(get_int(payload, "retry_after_ms").value_or(0)), kRedialMax);
  if (cannot_mend_itself(reason)) give_up({Code::kDenied, text});
}

// Words between the two ends of the link.
bool Link::word(const EnvelopeView& view) {
  if (view.msg == "PING") {
    say("PONG", view.trace);
  } else if (view.msg == "EVICTED") {  // coming back would evict the other: endless
    give_up({Code::kConflict,
             fmt::format("another process runs node {} now; this one stays away", id_.uuid.str())});
  } else {
    return view.msg == "PONG" || view.msg == "GOODBYE" || view.msg == "ANNOUNCE";
  }
  return true;
}

void Link::arrived(const EnvelopeView& view) {
  auto message = message_from_envelope(view);
  if (!message) {
    log::warn("fabric", "cannot read a message from {}: {}", view.src_name,
              message.error().message);
    intake_.count_refused();
    if (view.ack) answer(nack_of(view.id, view.src, message.error()));
    return;
  }
  mark_from_afar(*message, hive_);
  if (settles(*message) && courier_.answered(*message)) return;
  intake_.take(*std::move(message), view.ack, view.id);
}

// -- what goes -----------------------------------------------------------------------------------

void Link::say(std::string_view msg, std::string_view trace, std::string_view payload) {
  if (!socket_) return;
  const LinkWord word{.src = id_, .msg = msg, .trace = trace, .dst = {}, .payload = payload};
  (void)socket_->send_frame(link_frame(word), true);  // full or ended: the link's end follows
}

void Link::answer(Message message) {
  message.src = id_;
  if (socket_) (void)socket_->send(message);  // lost: the sender asks again
}

Result<void> Link::deliver(Message message) {
  if (closing_ || given_up_)
    return fail(Code::kUnavailable, given_up_ ? status_.last_error : "this node is closing");
  return courier_.take(std::move(message));
}

void Link::report_lost(const Outbox::Item& item) {
  intake_.count_refused();
  if (item.system) return;
  Message report;
  report.id = MessageId(mint_ulid());
  report.src = id_;
  report.dst = id_;
  report.kind = Kind::kSystem;
  report.action = "UNREACHABLE";
  report.in_reply_to = MessageId(item.id);
  report.meta["reason"] = "TOO_OLD";
  if (auto heard = deps_.inbox.deliver(std::move(report)); !heard) intake_.count_refused();
}

Task<void> Link::retry(Ctx ctx) {
  while (co_await sleep_for(ctx, kTickEach)) courier_.tick();
}

Task<void> Link::close(Ctx ctx) {
  closing_ = true;
  while (status_.up && socket_ && (socket_->waiting() > 0 || courier_.size() > 0)) {
    auto slept = co_await sleep_for(ctx, milliseconds(1));
    if (!slept) break;
  }
  if (status_.up) say("WITHDRAW", {}, to_json(json::object{{"uuid", id_.uuid.str()}}));
  hub_->flush();
  socket_.reset();
  courier_.down();
  status_.up = false;
  co_await gate_.close();
  co_await texts_.close();
}

NodeLinkStatus Link::status() const {
  NodeLinkStatus now = status_;
  now.queued = courier_.size() - courier_.acknowledged() + (socket_ ? socket_->waiting() : 0);
  now.unacknowledged = courier_.acknowledged();
  now.sent = courier_.sent();
  now.received = intake_.received();
  now.refused = intake_.refused();
  return now;
}

}  // namespace

Result<std::unique_ptr<NodeLink>> NodeLink::open(NodeLinkConfig config, Deps deps) {
  SKEP_TRY(Name name, Name::parse(config.name, "local"));  // its hive is the router's to say
  NodeId id{Uuid::random()};
  if (config.directory.empty() && (config.persistent || config.router.empty()))
    return fail(Code::kInvalid, "a node's link needs the hive's directory");
  if (config.persistent) {
    SKEP_TRY(id, kept_node_id(config.directory, name.base()));
  }
  return std::make_unique<Link>(std::move(config), std::move(deps), id, std::move(name));
}

std::vector<Message> kept_messages(const store::Journal& journal, std::string_view base_name) {
  std::vector<Message> all;
  for (const store::JournalEntry& entry : journal.unfinished(journal_kind(base_name))) {
    if (auto message = message_of_frame(entry.steps.at(0))) all.push_back(*std::move(message));
  }
  return all;
}

}  // namespace skep::fabric
