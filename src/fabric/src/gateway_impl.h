// The gateway: who listens and dials, which sessions there are. What they tell each other is
// Reach's (reach.h), how a session speaks WanSession's (wan_session.h).
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "reach.h"
#include "skep/async/wait.h"
#include "skep/fabric/gateway.h"
#include "wan_session.h"

namespace skep::fabric {

inline constexpr std::uint16_t kWanPort = 9'000;
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
// "host:port", "[v6]:port", or without a port: kWanPort.
Result<HostPort> parse_host_port(std::string_view text);

// How a connection ended, and whether hives spoke through it.
struct Served {
  bool was_up = false;
  Error end;
};

class GatewayImpl final : public Gateway {
 public:
  GatewayImpl(Loop& loop, Router& router, GatewayConfig config);
  ~GatewayImpl() override;
  Task<Result<void>> start();

  Task<void> close(Ctx ctx) override;
  [[nodiscard]] std::vector<HiveStatus> hives() const override;
  [[nodiscard]] GatewayStats stats() const override { return stats_; }
  [[nodiscard]] std::uint16_t port() const override { return acceptor_ ? acceptor_->port() : 0; }

 private:
  struct Uplink {
    std::string address;
    HostPort to;
    std::string hive;  // who answered there last
    std::string state = "dialling";
    std::chrono::milliseconds delay{};
  };

  Task<void> listen(Ctx ctx);
  Task<void> serve_accepted(Ctx ctx, std::unique_ptr<net::Stream> stream);
  Task<void> dial(Ctx ctx, Uplink& uplink);
  Task<Served> dial_once(Ctx ctx, Uplink& uplink);
  Task<Served> serve(Ctx ctx, std::unique_ptr<net::Stream> plain, Uplink* uplink);
  Task<void> follow_nodes(Ctx ctx);
  Task<void> send_digests(Ctx ctx);

  [[nodiscard]] WanHello hello() const;
  [[nodiscard]] Result<void> judge(const WanHello& theirs, const std::string& proven,
                                   bool we_dialled) const;
  Error refused(const std::string& peer, Error why);
  WanSession::Hears ears(WanSession& session);
  void join(WanSession& session);
  void leave(WanSession& session);
  std::chrono::nanoseconds jittered(std::chrono::milliseconds delay);
  void describe(HiveStatus& status, const Neighbour& way) const;

  Loop& loop_;
  Core& core_;
  GatewayConfig config_;
  std::uint64_t epoch_;
  std::uint64_t follower_ = 0;
  Reach reach_;
  std::map<std::string, WanSession*, std::less<>> sessions_;  // by hive
  std::map<std::string, LsaRejects, std::less<>> rejects_;    // of sessions that ended, by hive
  Signal sessions_changed_, dirty_;
  std::vector<std::unique_ptr<Uplink>> uplinks_;
  std::unique_ptr<net::Acceptor> acceptor_;
  std::size_t handshakes_ = 0;
  std::chrono::nanoseconds look_cost_{0};
  GatewayStats stats_;
  std::mt19937_64 random_{std::random_device{}()};
  Gate gate_;
};

}  // namespace skep::fabric
