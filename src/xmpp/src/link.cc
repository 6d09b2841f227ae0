#include "skep/xmpp/link.h"

#include <cstring>

#include "backoff.h"
#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

std::uint64_t draw_randomly(std::uint64_t max) {
  std::uint64_t number = 0;
  const std::string bytes = random_bytes(sizeof number);
  std::memcpy(&number, bytes.data(), sizeof number);
  return max == std::numeric_limits<std::uint64_t>::max() ? number : number % (max + 1);
}

bool is_loopback(std::string_view host) {
  return host.empty() || host == "localhost" || host.starts_with("127.") || host == "::1" ||
         host == "[::1]";
}

void warn_about(const XmppConfig& config) {
  const bool component = config.mode == XmppConfig::Mode::kComponent;
  if (component && !config.tls && !is_loopback(config.host)) {
    log::warn("xmpp",
              "the component link to {} is not encrypted: use it only in a private network, or set "
              "[server] tls",
              config.host);
  }
  if ((!component || config.tls) && !config.tls_verify) {
    log::warn("xmpp",
              "[server] tls_verify = false: whoever sits between us and the server can read and "
              "change everything");
  }
}

}  // namespace

struct Link::Impl {
  Impl(XmppConfig given, XmppDeps use, Identity identity, Handlers call)
      : config(std::move(given)),
        resource(config.resource),
        deps(use),
        features(std::move(identity), use.clock),
        handlers(std::move(call)),
        gate(use.loop),
        backoff(config, draw_randomly) {}

  Task<void> keep_up() {
    const Ctx ctx = gate.ctx();
    while (ctx.check()) {
      auto opened = co_await Session::open(ctx, config, deps, session.get());
      SessionEnd end;
      if (opened) {
        if (*opened) replace(std::move(*opened));
        end = co_await serve(ctx);
      } else {
        end = std::move(opened).error();
      }
      if (session && (session->lied_to() || !session->resumable())) lose(end.error);
      if (closing || !ctx.check()) co_return;
      status.last_error = end.error.message;
      const bool again = co_await wait_after(ctx, end);
      if (!again) co_return;
    }
  }

  // Another session than before: what the old one had not delivered is its owners' again.
  void replace(std::unique_ptr<Session> fresh) {
    if (session) {
      ++status.resumes_failed;
      lose({Code::kUnavailable, "the server did not resume the session"});
    }
    session = std::move(fresh);
    is_new = true;
  }

  void lose(const Error& why) {
    if (session->lied_to()) ++status.false_counts;
    session.reset();
    if (handlers.down) handlers.down(why);
  }

  Task<SessionEnd> serve(Ctx ctx) {
    const std::shared_ptr<Session> serving = session;
    status.up = true;
    status.address = session->address().str();
    status.since = deps.clock.now();
    status.acknowledged = session->acknowledges();
    const SteadyTime begun = std::chrono::steady_clock::now();
    if (std::exchange(is_new, false)) {
      config.strongest_mechanism = session->mechanism();
      ++status.connects;
      log::info("xmpp", "connected as {}", status.address);
      if (handlers.up) handlers.up(*session);
    } else {
      ++status.resumes;
      log::info("xmpp", "{} goes on where it was interrupted", status.address);
    }
    auto take_one = [this](Element stanza) { take(std::move(stanza)); };
    const SessionEnd end = co_await session->run(ctx, take_one);
    backoff.stood();
    if (std::chrono::steady_clock::now() - begun >= config.reconnect_stable) backoff.reset();
    status.up = false;
    status.address.clear();
    status.since.reset();
    co_return end;
  }

  void take(Element stanza) {
    if (stanza.name != "iq") {
      if (handlers.stanza) handlers.stanza(std::move(stanza));
      return;
    }
    if (const auto answer = features.answer(stanza)) (void)session->send(*answer);
  }

  // False when there is no point in another attempt.
  Task<bool> wait_after(Ctx ctx, const SessionEnd& end) {
    const bool aside = steps_aside(end);
    const auto delay = backoff.next(aside ? Retry::kNormally : end.retry);
    const bool exhausted =
        config.reconnect_max_attempts > 0 && backoff.failures() >= config.reconnect_max_attempts;
    if (end.retry == Retry::kNever || exhausted) {
      if (session) lose(end.error);
      log::error("xmpp", "{}; giving up", end.error.message);
      if (handlers.gave_up) handlers.gave_up(end);
      co_return false;
    }
    if (aside) step_aside();
    log::warn("xmpp", "{}; trying again in {:.1f} s", end.error.message,
              static_cast<double>(delay.count()) / 1000);
    status.retry_in = delay;
    const auto slept = co_await sleep_for(ctx, delay);
    status.retry_in.reset();
    co_return slept.has_value();
  }

  // Another session took our resource: the next one takes a name of its own, or the two would throw
  // each other out for ever. With that name it need not wait; who loses that too waits.
  bool steps_aside(const SessionEnd& end) const {
    return config.mode == XmppConfig::Mode::kClient && end.error.code == Code::kConflict &&
           !resource.empty() && config.resource == resource;
  }
  void step_aside() {
    config.resource = fmt::format("{}-{}", resource, hex_encode(random_bytes(4)));
    log::error("xmpp", "two agents use {}/{}: this one goes on as {}", config.jid, resource,
               config.resource);
  }

  XmppConfig config;
  const std::string resource;  // as configured
  XmppDeps deps;
  Features features;
  Handlers handlers;
  Gate gate;
  Backoff backoff;
  std::shared_ptr<Session> session;  // shared with a close() that waits for its end
  LinkStatus status;
  bool is_new = false;  // the session has not been served yet
  bool closing = false;
};

Link::Link(XmppConfig config, XmppDeps deps, Identity identity, Handlers handlers)
    : impl_(std::make_unique<Impl>(std::move(config), deps, std::move(identity),
                                   std::move(handlers))) {}

Link::~Link() = default;

Features& Link::features() { return impl_->features; }

void Link::start() {
  warn_about(impl_->config);
  impl_->gate.spawn("xmpp link", impl_->keep_up());
}

Task<void> Link::close(Ctx ctx, std::vector<Element> last) {
  impl_->closing = true;
  if (const std::shared_ptr<Session> session = impl_->session) {
    for (const Element& stanza : last) (void)session->send(stanza);
    co_await session->close(ctx);
  }
  co_await impl_->gate.close();
}

Session* Link::session() { return impl_->session.get(); }

LinkStatus Link::status() const { return impl_->status; }

}  // namespace skep::xmpp
