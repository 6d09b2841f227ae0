#include "skep/fabric/gateway.h"

#include <charconv>
#include <fstream>

#include "gateway_impl.h"
#include "hive_trust.h"
#include "skep/base/clock.h"
#include "skep/base/log.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kHandshakesMax = 64;       // under way at the same time
constexpr std::chrono::milliseconds kLook{250};  // for changes that nobody tells of
constexpr std::chrono::milliseconds kGather{2};  // changes that come together go out together
constexpr int kCostFactor = 10;                  // looking may take a tenth of the time
constexpr int kWarnEvery = 12;

Result<void> check_certificate(const GatewayConfig& config, const std::string& hive) {
  std::ifstream file(config.certificate, std::ios::binary);
  const std::string pem{std::istreambuf_iterator<char>(file), {}};
  if (pem.empty()) {
    return fail(Code::kInvalid, fmt::format("the hive has no certificate ({}); make one with: skep "
                                            "hive keygen",
                                            config.certificate));
  }
  auto named = hive_of_certificate(pem);
  if (!named) return fail(std::move(named).error().in(config.certificate));
  if (*named == hive) return {};
  return fail(Code::kInvalid,
              fmt::format("{} is the certificate of hive \"{}\", but [hive] id is \"{}\"",
                          config.certificate, *named, hive));
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  HostPort to{.port = kWanPort};
  const std::size_t colon = text.rfind(':');
  const bool bare_v6 = text.find(':') != colon && !text.contains(']');
  const bool port = colon != std::string_view::npos && !bare_v6 && !text.ends_with(']');
  to.host = text.substr(0, port ? colon : text.size());
  if (port) {
    const std::string_view digits = text.substr(colon + 1);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), to.port);
    const bool all = end.ec == std::errc{} && end.ptr == digits.data() + digits.size();
    if (!all) return fail(Code::kInvalid, fmt::format("\"{}\" is no host:port", text));
  }
  if (to.host.starts_with('[') && to.host.ends_with(']'))
    to.host = to.host.substr(1, to.host.size() - 2);
  if (to.host.empty()) return fail(Code::kInvalid, fmt::format("\"{}\" has no host", text));
  return to;
}

GatewayImpl::GatewayImpl(Loop& loop, Router& router, GatewayConfig config)
    : loop_(loop),
      core_(router.core()),
      config_(std::move(config)),
      epoch_(static_cast<std::uint64_t>(Clock::system().now().time_since_epoch().count())),
      reach_(core_, epoch_),
      gate_(loop) {
  follower_ = core_.follow([this](const NodeChange& change) {
    if (change.node.where != NodeAt::Where::kHive) dirty_.notify_all();
  });
  core_.set_gateway(true);
}

GatewayImpl::~GatewayImpl() {
  core_.unfollow(follower_);
  core_.set_gateway(false);
}

Task<Result<std::unique_ptr<Gateway>>> Gateway::open(Loop& loop, Router& router,
                                                     GatewayConfig config) {
  SKEP_CO_TRY_VOID(check_certificate(config, router.hive()));
  auto gateway = std::make_unique<GatewayImpl>(loop, router, std::move(config));
  SKEP_CO_TRY_VOID(co_await gateway->start());
  co_return gateway;
}

Task<Result<void>> GatewayImpl::start() {
  if (config_.authorized_hives.empty()) {
    log::warn("fabric", "[hive] authorized_hives is empty: no other hive may connect");
  }
  for (const std::string& uplink : config_.uplinks) {
    SKEP_CO_TRY(HostPort to, parse_host_port(uplink));
    auto dial = std::make_unique<Uplink>();
    dial->address = uplink;
    dial->to = std::move(to);
    uplinks_.push_back(std::move(dial));
  }
  if (!config_.listen.empty()) {
    SKEP_CO_TRY(HostPort at, parse_host_port(config_.listen));
    SKEP_CO_TRY(acceptor_, co_await net::listen_tcp(at.host, at.port));
    gate_.spawn("gateway listener", listen(gate_.ctx()));
  }
  for (const auto& uplink : uplinks_) gate_.spawn("uplink", dial(gate_.ctx(), *uplink));
  gate_.spawn("gateway nodes", follow_nodes(gate_.ctx()));
  gate_.spawn("gateway digests", send_digests(gate_.ctx()));
  co_return Result<void>{};
}

Task<void> GatewayImpl::close(Ctx ctx) {
  std::ignore = ctx;  // stopping waits for nobody beyond: refusals linger two seconds at most
  if (acceptor_) acceptor_->close();
  co_await gate_.close();
}

Task<void> GatewayImpl::listen(Ctx ctx) {
  while (!ctx.stop.stop_requested()) {
    auto stream = co_await acceptor_->accept(ctx);
    if (!stream) {
      if (!ctx.check()) co_return;
      log::warn("fabric", "accepting other hives: {}", stream.error().message);
      if (!co_await sleep_for(ctx, std::chrono::seconds(1))) co_return;
    } else if (handshakes_ >= kHandshakesMax) {
      ++stats_.handshakes_full;
    } else {
      gate_.spawn("hive session", serve_accepted(ctx, *std::move(stream)));
    }
  }
}

Task<void> GatewayImpl::serve_accepted(Ctx ctx, std::unique_ptr<net::Stream> stream) {
  const std::string peer = stream->peer();
  const Served served = co_await serve(ctx, std::move(stream), nullptr);
  if (ctx.check()) log::info("fabric", "hive at {}: {}", peer, served.end.message);
}

// One uplink, for ever: while the other side has a session with us, ours is not needed.
Task<void> GatewayImpl::dial(Ctx ctx, Uplink& uplink) {
  std::chrono::milliseconds delay = config_.redial_min;
  for (int failures = 0;;) {
    while (sessions_.contains(uplink.hive)) {
      if (!co_await sessions_changed_.wait(ctx)) co_return;
    }
    uplink.state = "dialling";
    Served served = co_await dial_once(ctx, uplink);
    if (!ctx.check()) co_return;
    if (served.was_up) {
      delay = config_.redial_min;
      failures = 0;
    }
    uplink.state = served.end.message;
    if (failures++ % kWarnEvery == 0) {
      log::warn("fabric", "uplink {}: {}; trying again in {:.1f} s", uplink.address, uplink.state,
                static_cast<double>(delay.count()) / 1000.0);
    }
    if (!co_await sleep_for(ctx, jittered(delay))) co_return;
    delay = std::min(delay * 2, config_.redial_max);
    uplink.delay = delay;
  }
}

std::chrono::nanoseconds GatewayImpl::jittered(std::chrono::milliseconds delay) {
  std::uniform_real_distribution<double> factor(0.75, 1.25);
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(static_cast<double>(delay.count()) * 1e6 * factor(random_)));
}

Task<Served> GatewayImpl::dial_once(Ctx ctx, Uplink& uplink) {
  const net::TcpOptions options{.user_timeout = config_.dead_interval};
  const Ctx limited = ctx.within(WanLimits::kHandshake);
  auto stream = co_await net::connect_tcp(limited, uplink.to.host, uplink.to.port, options);
  if (!stream) co_return Served{.end = std::move(stream).error()};
  co_return co_await serve(ctx, *std::move(stream), &uplink);
}

WanHello GatewayImpl::hello() const {
  return {.hive = core_.config().hive,
          .router = core_.config().id,
          .router_name = core_.config().name.str(),
          .epoch = epoch_,
          .hello_ms = config_.hello_interval.count(),
          .dead_ms = config_.dead_interval.count()};
}

// Deny by default: who is not named is refused, and told.
Result<void> GatewayImpl::judge(const WanHello& theirs, const std::string& proven,
                                bool we_dialled) const {
  const auto refuse = [](std::string why) { return fail(Code::kDenied, std::move(why)); };
  if (theirs.protocol != kWanProtocol) {
    return refuse(fmt::format("PROTOCOL: we speak {}, not {}", kWanProtocol, theirs.protocol));
  }
  if (theirs.hive != proven) return refuse("HIVE_MISMATCH: the certificate is of hive " + proven);
  const std::string& own = core_.config().hive;
  if (theirs.hive == own) return refuse("OWN_HIVE: both sides are hive " + own);
  if (std::ranges::find(config_.authorized_hives, theirs.hive) == config_.authorized_hives.end()) {
    return refuse(fmt::format(
        "NOT_AUTHORIZED: hive {} is not in [hive] authorized_hives of hive {}", theirs.hive, own));
  }
  if (std::ranges::find(theirs.capabilities, "lsa") == theirs.capabilities.end()) {
    return refuse("CAPABILITIES: lsa is needed");
  }
  if (theirs.hello_ms * 2 > config_.dead_interval.count() ||
      config_.hello_interval.count() * 2 > theirs.dead_ms) {
    return refuse("TIMERS: one side's dead interval is under two hello intervals of the other");
  }
  const auto other = sessions_.find(theirs.hive);
  if (other == sessions_.end() || other->second->theirs().epoch != theirs.epoch) return {};
  // Both dialled each other: the connection of the hive whose name comes first stays.
  const bool other_is_right = other->second->dialled == (own < theirs.hive);
  if (other_is_right && we_dialled != other->second->dialled) {
    return refuse("DUPLICATE: there is a session already");
  }
  return {};
}

Task<Served> GatewayImpl::serve(Ctx ctx, std::unique_ptr<net::Stream> plain, Uplink* uplink) {
  Served served;
  ++handshakes_;
  std::string proven;
  const std::string peer = plain->peer();
  net::TlsMutualConfig tls{.certificate_file = config_.certificate,
                           .key_file = config_.key,
                           .judge = [&proven, this](std::span<const std::string> chain) {
                             auto hive = proven_hive(config_.hives_directory, chain);
                             if (!hive) return Result<void>(fail(std::move(hive).error()));
                             proven = *std::move(hive);
                             return Result<void>();
                           }};
  const net::TlsRole role = uplink != nullptr ? net::TlsRole::kClient : net::TlsRole::kServer;
  const Ctx limited = ctx.within(WanLimits::kHandshake);
  auto stream = co_await net::start_tls_mutual(limited, std::move(plain), std::move(tls), role);
  if (!stream) {
    --handshakes_;
    served.end = refused(peer, std::move(stream).error());
    co_return served;
  }
  const WanLimits limits{.queue_messages_max = config_.queue_messages_max,
                         .queue_bytes_max = config_.queue_bytes_max,
                         .dead_interval = config_.dead_interval};
  if (uplink != nullptr) uplink->hive = proven;
  WanSession session(loop_, *std::move(stream), limits);
  session.dialled = uplink != nullptr;
  WanHello ours = hello();
  std::function<Result<void>(const WanHello&)> look = [&](const WanHello& theirs) {
    return judge(theirs, proven, session.dialled);
  };
  const Result<void> agreed = co_await session.shake_hands(ctx, std::move(ours), std::move(look));
  --handshakes_;
  if (!agreed) {
    served.end = refused(peer, agreed.error());
    co_return served;
  }
  if (uplink != nullptr) uplink->state = "up";
  join(session);
  served.was_up = true;
  WanSession::Hears hears = ears(session);
  served.end = co_await session.run(ctx, std::move(hears));
  leave(session);
  co_return served;
}

Error GatewayImpl::refused(const std::string& peer, Error why) {
  ++stats_.refused;
  stats_.last_refusal = fmt::format("{}: {}", peer, why.message);
  return why;
}

WanSession::Hears GatewayImpl::ears(WanSession& session) {
  return {.control =
              [this, &session](const EnvelopeView& view) {
                if (view.msg == "LSA") reach_.take_advertisement(session.neighbour, view.payload);
                if (view.msg == "LSA_REQUEST") reach_.take_request(session.neighbour, view.payload);
              },
          .message =
              [this, &session](const EnvelopeView& view) {
                const std::string& hive = session.neighbour.hive;
                const bool system =
                    std::ranges::find(config_.config_from, hive) != config_.config_from.end();
                Packet packet(view);
                core_.accept(
                    {.by = Origin::By::kHive, .exit = &session, .hive = hive, .system = system},
                    packet);
              },
          .malformed =
              [this] {
                ++stats_.malformed;
                core_.count(Drop::kMalformed);
              }};
}

// The newer session of a hive wins; the older one ends itself, and finds that it has left already.
void GatewayImpl::join(WanSession& session) {
  const std::string hive = session.theirs().hive;
  session.number = ++stats_.sessions;
  session.neighbour.hive = hive;
  session.neighbour.exit = &session;
  session.neighbour.send = [&session](std::string_view msg, std::string payload) {
    session.send_control(msg, payload);
  };
  session.introduce = [this](const NodeId& src) { reach_.introduce(src); };
  if (const auto old = sessions_.find(hive); old != sessions_.end()) {
    WanSession& before = *old->second;
    leave(before);
    before.stop("a newer session of hive " + hive + " took its place");
  }
  sessions_[hive] = &session;
  log::info("fabric", "hive {} is here ({}, {})", hive, session.peer(),
            session.dialled ? "dialled" : "accepted");
  reach_.up(session.neighbour);
  sessions_changed_.notify_all();
}

void GatewayImpl::leave(WanSession& session) {
  const auto at = sessions_.find(session.neighbour.hive);
  if (at == sessions_.end() || at->second->number != session.number) return;
  sessions_.erase(at);
  reach_.down(session.neighbour);
  core_.table().remove_exit(&session);
  LsaRejects& total = rejects_[session.neighbour.hive];
  for (std::size_t i = 0; i < total.size(); ++i) total.at(i) += session.neighbour.rejects.at(i);
  sessions_changed_.notify_all();
}

// Changes that the core tells of are passed on at once, others when they are noticed.
Task<void> GatewayImpl::follow_nodes(Ctx ctx) {
  for (;;) {
    if (!reach_.stale()) {
      const Ctx limited = ctx.within(kLook);
      std::ignore = co_await dirty_.wait(limited);
      if (!ctx.check()) co_return;
      if (!reach_.stale()) continue;
    }
    const auto pause = std::max<std::chrono::nanoseconds>(kGather, kCostFactor * look_cost_);
    if (!co_await sleep_for(ctx, pause)) co_return;
    const auto begin = std::chrono::steady_clock::now();
    reach_.refresh();
    look_cost_ = std::chrono::steady_clock::now() - begin;
  }
}

Task<void> GatewayImpl::send_digests(Ctx ctx) {
  while (co_await sleep_for(ctx, config_.hello_interval)) reach_.tell_digests();
}

}  // namespace skep::fabric
