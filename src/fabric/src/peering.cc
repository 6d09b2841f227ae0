#include "skep/fabric/peering.h"

#include <algorithm>
#include <map>

#include "peer_door.h"
#include "peer_link.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/store/append_file.h"

namespace skep::fabric {

namespace {

constexpr std::string_view kPrefix = "peer-", kSuffix = ".sock";
constexpr std::chrono::seconds kHandshakeMax{5}, kSweepEach{1};

class PeeringImpl final : public Peering, public PeerLink::Home {
 public:
  PeeringImpl(Loop& loop, Router& router, PeeringConfig config)
      : core_(router.core()), config_(std::move(config)), hub_(FrameHub::make(loop)), gate_(loop) {
    limits_ = {.frame_bytes_max = kStampedBytesMax,
               .queue_messages_max = config_.queue_messages_max,
               .queue_bytes_max = config_.queue_bytes_max,
               .queue_system_messages = kSystemMessagesMax,
               .ping_after = config_.ping_after,
               .dead_after = config_.dead_after};
  }
  ~PeeringImpl() override {
    if (follower_ != 0) core_.unfollow(follower_);
  }

  Result<void> start(Loop& loop) {
    SKEP_TRY_VOID(store::make_directories(config_.directory));
    SKEP_TRY(door_, open_peer_door(loop.executor(), path_of(own_base())));
    SKEP_TRY(watch_, watch_directory(loop.executor(), config_.directory, std::string(kPrefix)));
    if (config_.gateway) core_.set_gateway(true);
    follower_ = core_.follow([this](const NodeChange& change) { tell(change); });
    gate_.spawn("fabric peers: accept", accept_loop());
    gate_.spawn("fabric peers: watch", watch_loop());
    gate_.spawn("fabric peers: sweep", sweep_loop());
    return {};
  }

  Task<void> close(Ctx) override {
    closing_ = true;
    if (door_) door_->close();
    if (watch_) watch_->close();
    for (auto& [name, dial] : dials_) dial->wake.notify_all();
    co_await gate_.close();
    links_.clear();
    door_.reset();
  }

  std::vector<PeerStatus> peers() const override {
    std::vector<PeerStatus> all;
    for (const auto& link : links_) {
      if (link->up()) all.push_back(link->status());
    }
    std::ranges::sort(all, {}, &PeerStatus::name);
    return all;
  }

 private:
  // News of nodes come in bursts; beyond this the peer does not read.
  static constexpr std::size_t kSystemMessagesMax = 65'536;

  // Towards one router of a greater name, as long as its socket is there.
  struct Dial {
    Signal wake;
    bool seen = true;      // in the last listing
    bool appeared = true;  // the directory changed: dial at once
    bool was_up = false;
  };

  [[nodiscard]] std::string own_base() const { return std::string(core_.config().name.base()); }
  [[nodiscard]] std::string path_of(std::string_view base) const {
    return fmt::format("{}/{}{}{}", config_.directory, kPrefix, base, kSuffix);
  }
  [[nodiscard]] bool linked(std::string_view base) const {
    return std::ranges::any_of(links_, [&](const auto& link) { return link->base() == base; });
  }

  Task<void> accept_loop() {
    while (!closing_) {
      Result<OwnedFd> fd = co_await door_->accept();
      if (fd) {
        add_link(*std::move(fd), {});
      } else if (!closing_) {
        log::warn("fabric", "{}", fd.error().message);
        if (fd.error().code == Code::kDenied) continue;
        const Ctx ctx = gate_.ctx();
        (void)co_await sleep_for(ctx, std::chrono::milliseconds(100));  // out of descriptors
      }
    }
  }

  Task<void> watch_loop() {
    for (look(); !closing_; look()) {
      if (!co_await watch_->changed()) co_return;
    }
  }

  // Of two routers the one with the smaller name dials.
  void look() {
    for (auto& [name, dial] : dials_) dial->seen = false;
    for (std::string& name : names_between(config_.directory, kPrefix, kSuffix)) {
      if (name <= own_base()) continue;
      auto& dial = dials_[name];
      if (!dial) {
        dial = std::make_unique<Dial>();
        gate_.spawn("fabric peers: dial", dial_loop(name, *dial));
      }
      dial->seen = dial->appeared = true;
    }
    for (auto& [name, dial] : dials_) dial->wake.notify_all();
  }

  Task<void> dial_loop(std::string name, Dial& dial) {
    const Ctx ctx = gate_.ctx();
    auto wait = config_.redial_min;
    while (!closing_ && dial.seen) {
      if (linked(name)) {
        (void)co_await dial.wake.wait(ctx);
        continue;
      }
      if (std::exchange(dial.was_up, false)) wait = config_.redial_min;
      if (!std::exchange(dial.appeared, false)) {
        (void)co_await dial.wake.wait(ctx.within(wait));  // a socket that appears cuts it short
        wait = std::min(wait * 2, config_.redial_max);
        dial.appeared = false;
        if (closing_ || !dial.seen || linked(name)) continue;
      }
      if (Result<OwnedFd> fd = dial_peer(path_of(name))) {
        add_link(*std::move(fd), name);
      } else {
        log::debug("fabric", "{}", fd.error().message);
      }
    }
    dials_.erase(name);
  }

  void add_link(OwnedFd fd, std::string dialled) {
    if (links_.size() >= config_.peers_max) {
      log::warn("fabric", "more than {} peers: one more is refused", config_.peers_max);
      return;
    }
    links_.push_back(
        std::make_unique<PeerLink>(core_, hub_, std::move(fd), limits_, *this, std::move(dialled)));
  }

  bool admit(PeerLink& link, const PeerHello& hello) override {
    const std::string_view base = hello.name.base();
    const bool dialled_wrongly = !link.dialled().empty() && link.dialled() != base;
    const bool dials_wrongly = link.dialled().empty() && base >= own_base();
    if (dialled_wrongly || dials_wrongly) {
      link.end({Code::kInvalid, fmt::format("{} came by a wrong socket", hello.name.str())});
      return false;
    }
    // The same router again: what we had of it is dead, though we may not have heard yet.
    for (const auto& other : links_) {
      if (other.get() != &link && other->base() == base) {
        other->end({Code::kConflict, "it came back"});
      }
    }
    return true;
  }

  void ended(PeerLink& link, const Error& why) override {
    const std::string base(link.base());
    const bool was_up = link.up();
    if (was_up && !closing_) log::info("fabric", "peer {} is gone: {}", base, why.message);
    if (!was_up) log::debug("fabric", "a peer's link ended: {}", why.message);
    std::erase_if(links_, [&](const auto& one) { return one.get() == &link; });
    if (const auto dial = dials_.find(base); dial != dials_.end()) {
      dial->second->was_up |= was_up;
      dial->second->wake.notify_all();
    }
  }

  void tell(const NodeChange& change) {
    NodesWord word;
    if (change.what == NodeChange::What::kDown) {
      word.down.push_back(change.node.id);
    } else {
      word.up.push_back(change.node);
    }
    for (const auto& link : links_) link->tell(word);
  }

  Task<void> sweep_loop() {
    const Ctx ctx = gate_.ctx();
    while (co_await sleep_for(ctx, kSweepEach)) {
      const SteadyTime now = std::chrono::steady_clock::now();
      for (const auto& link : links_) {
        if (!link->up() && now - link->since() > kHandshakeMax) {
          link->end({Code::kTimeout, "it did not say who it is"});
        }
      }
    }
  }

  Core& core_;
  PeeringConfig config_;
  FrameLimits limits_;
  std::shared_ptr<FrameHub> hub_;
  std::unique_ptr<PeerDoor> door_;
  std::unique_ptr<DirectoryWatch> watch_;
  std::vector<std::unique_ptr<PeerLink>> links_;
  std::map<std::string, std::unique_ptr<Dial>> dials_;
  std::uint64_t follower_ = 0;
  bool closing_ = false;
  Gate gate_;
};

}  // namespace

Result<std::unique_ptr<Peering>> Peering::open(Loop& loop, Router& router, PeeringConfig config) {
  auto peering = std::make_unique<PeeringImpl>(loop, router, std::move(config));
  SKEP_TRY_VOID(peering->start(loop));
  return peering;
}

}  // namespace skep::fabric
