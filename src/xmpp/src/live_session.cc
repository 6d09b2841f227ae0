#include "live_session.h"

#include "failure.h"
#include "skep/base/id.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;
constexpr std::string_view kNsComponent = "jabber:component:accept";
constexpr std::string_view kStreamEnd = "</stream:stream>";
constexpr std::size_t kRequestsMax = 1024;  // requests under way at once
constexpr auto kRequestTimeout = 30s;
constexpr auto kCloseTimeout = 5s;                       // for the server's closing tag after ours
constexpr auto kGoodbyeTimeout = 1s;                     // for our closing tag after the server's
constexpr std::size_t kIdleBufferBytesMax = 256u << 10;  // a burst's buffer is given back

SteadyTime now() { return std::chrono::steady_clock::now(); }

// In memory a component's stanzas are in "jabber:client" too.
void to_client_namespace(Element& element) {
  if (element.ns == kNsComponent) element.ns = kNsClient;
  for (auto& node : element.content) {
    if (auto* child = std::get_if<Element>(&node)) to_client_namespace(*child);
  }
}

}  // namespace

LiveSession::LiveSession(Setup setup, Wire wire, XmppDeps deps)
    : setup_(std::move(setup)),
      wire_(std::move(wire)),
      loop_(deps.loop),
      id_prefix_(hex_encode(random_bytes(6))),
      last_read_(now()),
      last_write_(now()) {
  if (setup_.management) management_.emplace(*setup_.management);
  if (management_) management_->on_handled([this] { tell_handled(); });
}

void LiveSession::call_all(std::vector<Done>& done, const Result<void>& result) {
  for (auto& call : std::exchange(done, {})) call(result);
}

LiveSession::~LiveSession() { release_waiters({Code::kCancelled, "the session is gone"}); }

Result<void> LiveSession::send(const Element& stanza, Done done) {
  if ((end_ && !resumable()) || closing_)
    return fail(Code::kUnavailable, "the XMPP session has ended");
  const std::size_t before = out_.size();
  const bool lacks_from = mode() == XmppConfig::Mode::kComponent && !stanza.has_attribute("from");
  if (lacks_from) {
    Element addressed = stanza;
    addressed.set("from", setup_.address.str());
    append_xml(out_, addressed, kNsClient);
  } else {
    append_xml(out_, stanza, kNsClient);
  }
  if (auto room = check_room(out_.size() - before); !room) {
    out_.resize(before);
    return room;
  }
  if (management_) {
    management_->sent(out_.substr(before), std::move(done));
    if (end_) out_.resize(before);  // it goes out with the rest when the stream is resumed
  } else if (done) {
    out_done_.push_back(std::move(done));
  }
  wake_writer_.notify_one();
  return {};
}

// What is refused was not sent and is not counted.
Result<void> LiveSession::check_room(std::size_t fresh) {
  const std::size_t bytes =
      management_ ? management_->unacked_bytes() + fresh : out_.size() + writing_.size();
  const std::size_t stanzas = management_ ? management_->unacked() : 0;
  const std::size_t stanzas_max = end_ ? StreamManagement::kHeldMax : StreamManagement::kUnackedMax;
  if (bytes <= setup_.config.unsent_bytes_max && stanzas < stanzas_max) return {};
  Error error{Code::kExhausted,
              fmt::format("the server has not taken {} of ours", human_size(bytes))};
  if (!end_) break_link({Error{Code::kUnavailable, error.message}, Retry::kNormally});
  return fail(std::move(error));
}

void LiveSession::queue(std::string_view bytes) {
  out_ += bytes;
  wake_writer_.notify_one();
}

Task<Result<Element>> LiveSession::request(Ctx ctx, Element iq) {
  if (pending_->size() >= kRequestsMax)
    co_return fail(Code::kExhausted, "too many requests are under way");
  const std::string id = fmt::format("{}-{}", id_prefix_, ++ids_);
  auto waiting = std::make_shared<Pending>();
  if (iq.has_attribute("to")) {
    SKEP_CO_TRY(waiting->peer, Jid::parse(iq.attribute("to")));
  }
  iq.set("id", id);
  SKEP_CO_TRY_VOID(send(iq, {}));
  const auto pending = pending_;  // may outlive the session
  pending->emplace(id, waiting);
  const Ctx bounded = ctx.within(kRequestTimeout);
  while (!waiting->answer) {
    const auto woken = co_await waiting->answered.wait(bounded);
    if (woken || waiting->answer) continue;
    pending->erase(id);
    co_return fail(woken.error().in("waiting for an answer"));
  }
  co_return std::move(*waiting->answer);
}

Task<SessionEnd> LiveSession::run(Ctx ctx, std::function<void(Element)> handler) {
  running_ = true;
  gate_.emplace(loop_);
  gate_->spawn("xmpp writer", write_loop());
  if (setup_.config.keepalive_enabled) gate_->spawn("xmpp keepalive", keepalive_loop());
  co_await read_loop(ctx, handler);
  if (!closing_ && !broken_ && !lost_) co_await say_goodbye();
  wire_.stream().close();
  co_await gate_->close();
  if (!resumable()) release_waiters(end_->error);
  running_ = false;
  finished_.notify_all();
  co_return *end_;
}

Task<void> LiveSession::read_loop(Ctx ctx, const std::function<void(Element)>& handler) {
  for (Element& element : std::exchange(setup_.early, {})) hand_over(std::move(element), handler);
  take_events(handler);  // what came in one segment with the handshake
  while (!end_) {
    const auto filled = co_await wire_.fill(ctx);
    last_read_ = now();
    if (!end_) take_events(handler);
    if (filled || end_) continue;
    if (closing_) {
      end_with({Error{Code::kCancelled, "the session was closed"}, Retry::kNormally});
    } else {
      lose({filled.error(), Retry::kNormally});
    }
  }
}

void LiveSession::take_events(const std::function<void(Element)>& handler) {
  while (auto event = wire_.take()) {
    if (end_) return;
    if (auto* element = std::get_if<Element>(&*event)) {
      take_element(std::move(*element), handler);
    } else if (closing_) {
      end_with({Error{Code::kCancelled, "the session was closed"}, Retry::kNormally});
    } else {
      end_with({Error{Code::kUnavailable, "the server closed the stream"}, Retry::kNormally});
    }
  }
}

void LiveSession::take_element(Element element, const std::function<void(Element)>& handler) {
  if (is_stream_error(element)) return end_with(end_of_stream_error(element, setup_.config));
  if (mode() == XmppConfig::Mode::kComponent) to_client_namespace(element);
  if (take_management(element)) return;
  if (element.ns != kNsClient) {
    log::debug("xmpp", "ignoring <{} xmlns='{}'/>", element.name, element.ns);
    return;
  }
  if (management_) {
    auto hold = management_->received();
    if (!hold) return;  // we have it from before the interruption
    holding_ = *std::move(hold);
  }
  hand_over(std::move(element), handler);
  holding_.reset();
}

void LiveSession::hand_over(Element element, const std::function<void(Element)>& handler) {
  if (element.name == "iq" && answers_request(element)) return;
  handler(std::move(element));
}

// RFC 6120 8.2.3: the answer has the request's id and comes from whom was asked; anybody can guess
// an id.
bool LiveSession::answers_request(Element& iq) {
  const std::string_view type = iq.attribute("type");
  if (type != "result" && type != "error") return false;
  const auto found = pending_->find(std::string(iq.attribute("id")));
  if (found == pending_->end() || !comes_from(iq, found->second->peer)) return false;
  const auto waiting = found->second;
  pending_->erase(found);
  if (type == "error") {
    waiting->answer = fail(error_of_stanza(iq));
  } else {
    waiting->answer = std::move(iq);
  }
  waiting->answered.notify_all();
  return true;
}

bool LiveSession::comes_from(const Element& iq, const Jid& peer) const {
  const bool own_account = peer.empty() || peer == setup_.address.bare();
  if (!iq.has_attribute("from")) return own_account;
  const auto from = Jid::parse(iq.attribute("from"));
  if (!from) return false;
  if (*from == peer) return true;
  const bool ours = *from == setup_.address || *from == setup_.address.bare() ||
                    from->str() == setup_.address.domain();
  return own_account && ours;
}

// Everything queued goes out in one write.
Task<void> LiveSession::write_loop() {
  const Ctx ctx = gate_->ctx();
  for (;;) {
    while (out_.empty()) {
      const auto woken = co_await wake_writer_.wait(ctx);
      if (!woken) co_return;
    }
    ask_for_acknowledgement();
    writing_.swap(out_);
    writing_done_.swap(out_done_);
    const auto written = co_await wire_.stream().write(ctx, net::as_bytes(writing_));
    if (!written) {
      drop({written.error().in("writing to the server"), Retry::kNormally});
      co_return written_.notify_all();
    }
    last_write_ = now();
    writing_.clear();
    if (writing_.capacity() > kIdleBufferBytesMax) writing_.shrink_to_fit();
    call_all(writing_done_, {});
    if (out_.empty()) written_.notify_all();
  }
}

Task<void> LiveSession::keepalive_loop() {
  const XmppConfig& config = setup_.config;
  Liveness liveness({config.ping_interval, config.read_timeout, config.ping_timeout},
                    time_suspended());
  const Ctx ctx = gate_->ctx();
  for (;;) {
    const Pulse pulse{now(), time_suspended(), last_read_, last_write_};
    switch (liveness.beat(pulse)) {
      case Beat::kNothing:
        break;
      case Beat::kSpace:
        queue(" ");
        break;
      case Beat::kPing:
        ping();
        break;
      case Beat::kDead:
        co_return drop({Error{Code::kTimeout,
                              fmt::format("no byte from the server within {} ms of a ping: the "
                                          "link is dead",
                                          config.ping_timeout.count())},
                        Retry::kNormally});
    }
    if (acknowledgement_overdue()) {
      co_return break_link(
          {Error{Code::kTimeout, "the server does not say what it has had"}, Retry::kNormally});
    }
    const auto slept = co_await sleep_for(ctx, liveness.wait(pulse));
    if (!slept) co_return;
  }
}

// The first end counts.
void LiveSession::end_with(SessionEnd end) {
  if (!end_) end_ = std::move(end);
}

// Also wakes whoever reads or writes.
void LiveSession::break_link(SessionEnd end) {
  end_with(std::move(end));
  broken_ = true;
  wire_.stream().close();
}

// Our closing tag, when the other side ended first (RFC 6120 4.4).
Task<void> LiveSession::say_goodbye() {
  queue(kStreamEnd);
  const Ctx bounded = Ctx{}.within(kGoodbyeTimeout);
  while (!broken_ && !(out_.empty() && writing_.empty())) {
    const auto woken = co_await written_.wait(bounded);
    if (!woken) co_return;
  }
}

Task<void> LiveSession::close(Ctx ctx) {
  if (end_ && !running_) {
    closing_ = true;  // nor is it resumed
    co_return;
  }
  if (!closing_) {
    if (management_ && !end_) queue(acknowledgement());
    queue(kStreamEnd);
  }
  closing_ = true;
  const Ctx bounded = ctx.within(kCloseTimeout);
  if (!running_) co_return co_await close_unused(bounded);
  while (running_) {
    const auto woken = co_await finished_.wait(broken_ ? Ctx{} : bounded);
    if (!woken) break_link({Error{Code::kCancelled, "the session was closed"}, Retry::kNormally});
  }
}

// run() was never called, so nobody else writes.
Task<void> LiveSession::close_unused(Ctx ctx) {
  writing_.swap(out_);
  (void)co_await wire_.stream().write(ctx, net::as_bytes(writing_));
  co_await wire_.stream().shutdown(ctx);
  break_link({Error{Code::kCancelled, "the session was closed"}, Retry::kNormally});
  release_waiters(end_->error);
}

void LiveSession::release_waiters(const Error& error) {
  const Result<void> result = fail(error);
  call_all(writing_done_, result);
  call_all(out_done_, result);
  if (management_) {
    auto left = management_->give_up();
    call_all(left, result);
  }
  for (auto& [id, waiting] : std::exchange(*pending_, {})) {
    waiting->answer = fail(error);
    waiting->answered.notify_all();
  }
}

}  // namespace skep::xmpp
