#include "core.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/fabric/publish.h"

namespace skep::fabric {

namespace {

using Counters = std::vector<std::pair<std::string, std::uint64_t>>;

Counters counters_of(const RouterStats& stats) {
  Counters counters{{"delivered", stats.delivered}};
  for (std::size_t i = 0; i < stats.dropped.size(); ++i) {
    counters.emplace_back(fmt::format("drop.{}", drop_reason(static_cast<Drop>(i))),
                          stats.dropped[i]);
  }
  return counters;
}

class PublisherImpl final : public Publisher {
 public:
  PublisherImpl(Loop& loop, Router& router, PublisherConfig config, PublisherSources sources)
      : core_(router.core()),
        config_(std::move(config)),
        sources_(std::move(sources)),
        gate_(loop) {}
  ~PublisherImpl() override {
    if (follower_ != 0) core_.unfollow(follower_);
  }

  Result<void> start() {
    SKEP_TRY(nodes_,
             open_region("nodes-" + std::string(core_.config().name.base()), RegionKind::kNodes));
    if (sources_.rules) {
      SKEP_TRY(rules_, open_region("config", RegionKind::kConfig));
    }
    if (sources_.hives) {
      SKEP_TRY(hives_, open_region("lsa", RegionKind::kLsa));
    }
    SKEP_TRY_VOID(write_all());
    follower_ = core_.follow([this](const NodeChange&) { changed_.notify_all(); });
    gate_.spawn("fabric regions", run());
    return {};
  }

  void refresh() override { changed_.notify_all(); }

  Task<void> close(Ctx) override {
    co_await gate_.close();
    nodes_.reset();
    rules_.reset();
    hives_.reset();
  }

 private:
  // What was written last; the same again is left out.
  struct Region {
    std::unique_ptr<RegionWriter> writer;
    std::string last;
    Result<void> write(std::string content) {
      if (content == last) return {};
      SKEP_TRY_VOID(writer->write(content));
      last = std::move(content);
      return {};
    }
  };

  Result<std::unique_ptr<Region>> open_region(std::string_view name, RegionKind kind) {
    const std::string path = fmt::format("{}/{}", region_directory(config_.directory), name);
    SKEP_TRY(auto writer,
             RegionWriter::open(path, kind, core_.config().hive, core_.config().name.str()));
    return std::make_unique<Region>(std::move(writer), std::string());
  }

  Task<void> run() {
    const Ctx ctx = gate_.ctx();
    SteadyTime beat = std::chrono::steady_clock::now();
    while (ctx.check()) {
      if (co_await changed_.wait(ctx.within(config_.counters_each))) {
        (void)co_await sleep_for(ctx, config_.gather);
      }
      if (!ctx.check()) co_return;
      if (auto written = write_all(); !written) complain(written.error());
      const SteadyTime now = std::chrono::steady_clock::now();
      if (now - beat < config_.heartbeat_each) continue;
      beat = now;
      for (Region* region : {nodes_.get(), rules_.get(), hives_.get()}) {
        if (region != nullptr) region->writer->heartbeat();
      }
    }
  }

  Result<void> write_all() {
    SKEP_TRY_VOID(nodes_->write(encode(nodes())));
    if (rules_) SKEP_TRY_VOID(rules_->write(encode(rules())));
    if (hives_) SKEP_TRY_VOID(hives_->write(encode(sources_.hives())));
    return {};
  }

  ConfigRegion rules() const {
    ConfigRegion region{.rules = core_.table().rules()};
    if (sources_.config) sources_.config(region);
    return region;
  }

  NodesRegion nodes() const {
    NodesRegion region{.router = core_.config().id, .router_name = core_.config().name};
    region.gateway = core_.is_gateway();
    core_.table().each(NodeAt::Where::kHere,
                       [&region](const NodeAt& node) { region.nodes.push_back(node); });
    region.counters = counters_of(core_.stats());
    if (sources_.counters) sources_.counters(region.counters);
    return region;
  }

  // Once, until it works again: the reason stays the same for long (a full /dev/shm).
  void complain(const Error& error) {
    if (std::exchange(complaint_, error.message) == error.message) return;
    log::warn("fabric", "the shared regions are not up to date: {}", error.message);
  }

  Core& core_;
  PublisherConfig config_;
  PublisherSources sources_;
  std::unique_ptr<Region> nodes_, rules_, hives_;
  Signal changed_;
  std::uint64_t follower_ = 0;
  std::string complaint_;
  Gate gate_;
};

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::open(Loop& loop, Router& router,
                                                   PublisherConfig config,
                                                   PublisherSources sources) {
  auto publisher =
      std::make_unique<PublisherImpl>(loop, router, std::move(config), std::move(sources));
  SKEP_TRY_VOID(publisher->start());
  return publisher;
}

}  // namespace skep::fabric
