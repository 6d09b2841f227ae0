#include "skep/fabric/node_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "acks.h"
#include "frame_socket.h"
#include "from_afar.h"
#include "node_id_file.h"
#include "outbox.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/fabric/router.h"
#include "skep/store/journal.h"

namespace skep::fabric {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kRedialMin{100}, kRedialMax{30'000}, kHandshakeMax{5'000};
constexpr milliseconds kAnswerMax{5'000};  // then an acknowledged message is sent again
constexpr milliseconds kRetryEach{500};

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

class Link final : public NodeLink, public FrameSocket::Owner {
 public:
  Link(NodeLinkConfig config, Deps deps, NodeId id, Name name)
      : config_(std::move(config)),
        deps_(std::move(deps)),
        id_(id),
        base_(name.base()),
        journal_kind_("link:" + base_),
        hub_(FrameHub::make(deps_.loop)),
        outbox_(config_.queue_messages_max, config_.queue_bytes_max),
        gate_(deps_.loop) {
    restore();
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
  Task<void> run(Ctx ctx);
  Task<void> retry(Ctx ctx);
  Result<void> dial();
  void say_hello();
  void restore();

  void on_frame(std::string_view frame) override;
  void on_end(const Error& why) override;
  void on_silence() override {
    reader_.forget();
    say("PING");
  }
  void greeted(const EnvelopeView& view);
  void refused(const json::value& payload);
  bool word(const EnvelopeView& view);
  void arrived(const EnvelopeView& view);
  void take_acknowledged(const EnvelopeView& view, Message message);
  bool settled(const Message& message);
  bool comes_later(const Message& message, std::string_view about);
  [[nodiscard]] bool known(const NodeId& sender, std::string_view message_id) const;
  void remember(const NodeId& sender, std::string_view message_id);

  void say(std::string_view msg, std::string_view trace = {}, std::string_view payload = "{}");
  void answer(Message message);
  void send_kept();
  bool send(Outbox::Item& item);
  void report_lost(const Outbox::Item& item);
  void give_up(Error why);
  Result<void> keep(const Message& message, std::string frame);

  NodeLinkConfig config_;
  Deps deps_;
  NodeId id_;
  std::string base_;  // of the name, without its hive
  std::string hive_;  // as the router said
  std::string journal_kind_;
  std::shared_ptr<FrameHub> hub_;
  FrameTraffic traffic_;
  std::unique_ptr<FrameSocket> socket_;
  EnvelopeReader reader_;
  Outbox outbox_;
  SeenIds seen_;
  NodeLinkStatus status_;
  bool closing_ = false, given_up_ = false;
  SteadyTime up_since_{};
  milliseconds retry_after_{0};
  Signal changed_;  // up, down, given up
  Gate gate_;
};

// -- connecting ----------------------------------------------------------------------------------

void Link::restore() {
  if (deps_.journal == nullptr) return;
  for (const store::JournalEntry& entry : deps_.journal->unfinished(journal_kind_)) {
    Outbox::Item item{.id = entry.id.str(),
                      .frame = entry.steps.at(0),
                      .acknowledged = true,
                      .since = std::chrono::steady_clock::now()};
    if (!outbox_.keep(std::move(item)))
      log::warn("fabric", "message {} of the journal waits for the next start: the queue is full",
                entry.id.str());
  }
}

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
  say("HELLO", {}, to_json(payload));
}

void Link::on_end(const Error& why) {
  if (status_.up) log::info("fabric", "lost the router: {}", why.message);
  status_.last_error = why.message;
  status_.up = false;
  socket_.reset();
  changed_.notify_all();
}

void Link::give_up(Error why) {
  given_up_ = true;
  status_.up = false;
  status_.last_error = why.message;
  socket_.reset();
  changed_.notify_all();
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
  if (view.msg != "ANNOUNCE") return;
  status_.up = true;
  up_since_ = std::chrono::steady_clock::now();
  ++status_.connects;
  status_.router = get_string(*payload, "router_name");
  if (const auto name = Name::parse(get_string(*payload, "name"))) hive_ = name->hive();
  status_.zone = static_cast<std::uint32_t>(get_int(*payload, "vpn_id").value_or(0));
  status_.last_error.clear();
  changed_.notify_all();
  send_kept();
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
    ++status_.refused;
    if (view.ack) answer(nack_of(view.id, view.src, message.error()));
    return;
  }
  mark_from_afar(*message, hive_);
  if (view.ack) return take_acknowledged(view, std::move(*message));
  if (settles(*message) && settled(*message)) return;
  ++status_.received;
  if (auto taken = deps_.inbox.deliver(std::move(*message)); !taken) ++status_.refused;
}

void Link::take_acknowledged(const EnvelopeView& view, Message message) {
  const NodeId sender = view.src;
  const std::string message_id(view.id);
  if (!known(sender, message_id)) {
    message.meta.erase("ack");
    auto taken = deps_.inbox.deliver(std::move(message));
    if (!taken) {
      ++status_.refused;
      return answer(nack_of(message_id, sender, taken.error()));
    }
    ++status_.received;
    remember(sender, message_id);
  }
  answer(ack_of(message_id, sender));
}

bool Link::known(const NodeId& sender, std::string_view message_id) const {
  if (seen_.contains(sender, message_id)) return true;
  return deps_.journal != nullptr &&
         deps_.journal->remembers(journal_kind_, sender.uuid.str() + std::string(message_id));
}

void Link::remember(const NodeId& sender, std::string_view message_id) {
  seen_.add(sender, message_id);
  if (deps_.journal == nullptr) return;
  auto kept = deps_.journal->remember(journal_kind_, sender.uuid.str() + std::string(message_id));
  if (!kept) log::warn("fabric", "cannot remember a message: {}", kept.error().message);
}

// After a router's restart its nodes come back one after the other: who is missing in the first
// seconds is asked for again.
bool Link::comes_later(const Message& message, std::string_view about) {
  const bool missing = message.action == "UNREACHABLE" &&
                       get_string(message.meta, "reason") == drop_reason(Drop::kNodeNotFound);
  const auto up_for = std::chrono::steady_clock::now() - up_since_;
  if (!missing || status_.connects < 2 || up_for > kAnswerMax) return false;
  Outbox::Item* item = outbox_.find(about);
  if (item != nullptr) item->sent = {};  // the next retry takes it
  return item != nullptr;
}

// True when nobody else needs to hear of it.
bool Link::settled(const Message& message) {
  std::string about = message.in_reply_to.str();
  if (about.empty()) {
    if (auto payload = parse_json(message.payload)) about = get_string(*payload, "id");
  }
  if (comes_later(message, about)) return true;
  const bool ours = outbox_.settle(about).has_value();
  if (ours && deps_.journal != nullptr) (void)deps_.journal->end(store::EntryId(about));
  return message.action == "ACK" || (message.action == "NACK" && !ours);
}

// -- what goes -----------------------------------------------------------------------------------

void Link::say(std::string_view msg, std::string_view trace, std::string_view payload) {
  if (!socket_) return;
  const LinkWord word{.src = id_, .msg = msg, .trace = trace, .dst = {}, .payload = payload};
  (void)socket_->send_frame(link_frame(word), true);  // full or ended: the link's end follows
}

void Link::answer(Message message) {
  message.src = id_;
  std::string frame;
  if (!append_frame(frame, message, Stamp{.ttl = message.ttl}) || !socket_) return;
  (void)socket_->send_frame(frame, true);  // lost: the sender asks again
}

Result<void> Link::deliver(Message message) {
  if (closing_ || given_up_)
    return fail(Code::kUnavailable, given_up_ ? status_.last_error : "this node is closing");
  message.src = id_;
  message.src_name.reset();
  if (message.id.empty()) message.id = MessageId(mint_ulid());
  const bool said = message.kind == Kind::kUser || message.kind == Kind::kReply;
  if (said && !std::holds_alternative<Broadcast>(message.dst)) message.meta["ack"] = true;
  std::string frame;
  SKEP_TRY_VOID(append_frame(frame, message, Stamp{.ttl = message.ttl}));
  SKEP_TRY_VOID(keep(message, std::move(frame)));
  return {};
}

Result<void> Link::keep(const Message& message, std::string frame) {
  const bool acknowledged = message.meta.contains("ack");
  const bool system = message.kind == Kind::kSystem;
  if (!acknowledged && status_.up) {
    SKEP_TRY_VOID(socket_->send_frame(frame, system));
    ++status_.sent;
    return {};
  }
  SKEP_TRY(Outbox::Item * item, outbox_.keep({.id = message.id.str(),
                                              .frame = std::move(frame),
                                              .acknowledged = acknowledged,
                                              .system = system,
                                              .since = std::chrono::steady_clock::now()}));
  if (acknowledged && deps_.journal != nullptr) {
    auto begun = deps_.journal->begin(journal_kind_, store::EntryId(item->id), item->frame);
    if (!begun) {
      outbox_.settle(message.id.str());
      return fail(std::move(begun).error());
    }
  }
  if (status_.up) send(*item);
  return {};
}

bool Link::send(Outbox::Item& item) {
  if (!socket_ || !socket_->send_frame(item.frame, item.system)) return false;
  item.sent = std::chrono::steady_clock::now();
  ++status_.sent;
  return true;
}

// After a handshake: everything that waits, in order.
void Link::send_kept() {
  const SteadyTime late = std::chrono::steady_clock::now() - config_.kept_max;
  std::vector<Outbox::Item> lost;
  outbox_.each([&](Outbox::Item& item) {
    if (item.acknowledged) {
      send(item);
      return true;
    }
    if (item.since >= late) return !send(item);
    lost.push_back(std::move(item));
    return false;
  });
  for (const Outbox::Item& item : lost) report_lost(item);
}

void Link::report_lost(const Outbox::Item& item) {
  ++status_.refused;
  if (item.system) return;
  Message report;
  report.id = MessageId(mint_ulid());
  report.src = id_;
  report.dst = id_;
  report.kind = Kind::kSystem;
  report.action = "UNREACHABLE";
  report.in_reply_to = MessageId(item.id);
  report.meta["reason"] = "TOO_OLD";
  if (auto heard = deps_.inbox.deliver(std::move(report)); !heard) ++status_.refused;
}

Task<void> Link::retry(Ctx ctx) {
  while (true) {
    auto slept = co_await sleep_for(ctx, kRetryEach);
    if (!slept) co_return;
    if (!status_.up) continue;
    const SteadyTime late = std::chrono::steady_clock::now() - kAnswerMax;
    outbox_.each([&](Outbox::Item& item) {
      if (item.acknowledged && item.sent > late) return true;
      const bool gone = send(item);
      return item.acknowledged || !gone;
    });
  }
}

Task<void> Link::close(Ctx ctx) {
  closing_ = true;
  while (status_.up && socket_ && (socket_->waiting() > 0 || outbox_.size() > 0)) {
    auto slept = co_await sleep_for(ctx, milliseconds(1));
    if (!slept) break;
  }
  if (status_.up) say("WITHDRAW", {}, to_json(json::object{{"uuid", id_.uuid.str()}}));
  hub_->flush();
  socket_.reset();
  status_.up = false;
  co_await gate_.close();
}

NodeLinkStatus Link::status() const {
  NodeLinkStatus now = status_;
  now.queued = outbox_.size() - outbox_.acknowledged() + (socket_ ? socket_->waiting() : 0);
  now.unacknowledged = outbox_.acknowledged();
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

}  // namespace skep::fabric
