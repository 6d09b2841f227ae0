#include "skep/kernel/fabric_books.h"

#include "skep/base/json.h"
#include "skep/base/log.h"

namespace skep::kernel {

namespace {

constexpr std::array<std::string_view, 2> kSections = {"routes", "zones"};

}  // namespace

StreamsConfig StreamsConfig::read(ConfigSection streams) {
  StreamsConfig config;
  streams.read("url", config.url);
  if (!config.url.empty() && !config.url.starts_with("nats://")) {
    streams.problem("url", R"(must be the address of a NATS server, like "nats://127.0.0.1:4222")");
  }
  config.enabled = !config.url.empty();
  streams.read("enabled", config.enabled);
  streams.read("token", config.token);
  // Two of the files it is kept in are the least that can be used.
  streams.read("bytes_max", config.bytes_max, {.min = 8 << 20, .max = std::int64_t{1} << 40});
  streams.read("waiting_max", config.waiting_max, {.min = 1, .max = 1'000'000'000});
  return config;
}

Result<std::unique_ptr<FabricBooks>> FabricBooks::open(Loop& loop, fabric::Router& router,
                                                       const Config& config) {
  std::unique_ptr<FabricBooks> books(new FabricBooks(router, config.streams));
  fabric::ConfigLogConfig log{.path = config.main ? config.home + "/fabric/config.log" : "",
                              .from = config.config_from};
  SKEP_TRY(books->config_log_, fabric::ConfigLog::open(router, std::move(log)));
  for (std::size_t i = 0; i < kSections.size(); ++i)
    books->known_.at(i) = books->config_log_->version(kSections.at(i));
  books->config_log_->on_applied([raw = books.get()] { raw->applied(); });
  // One file for all routers of the hive: each takes blocks of numbers of its own from it.
  SKEP_TRY(books->thread_seq_, fabric::ThreadSeq::open(config.home + "/fabric/thread_seq"));
  fabric::number_threads(router, books->thread_seq_.get());
  if (config.streams.enabled) SKEP_TRY_VOID(books->open_turns(loop, config));
  return books;
}

FabricBooks::~FabricBooks() { fabric::number_threads(router_, nullptr); }

Result<void> FabricBooks::open_turns(Loop& loop, const Config& config) {
  fabric::TurnsConfig turns{.url = config.streams.url,
                            .directory = config.home + "/streams/turns",
                            .token = config.streams.token,
                            .bytes_max = config.streams.bytes_max,
                            .unacknowledged_max = config.streams.waiting_max,
                            .sync = config.sync};
  if (!config.main) turns.directory += "-" + config.router;
  SKEP_TRY(turns_, fabric::Turns::open(loop, std::move(turns)));
  recorder_ = fabric::TurnRecorder::open(router_, *turns_);
  return {};
}

void FabricBooks::applied() {
  for (std::size_t i = 0; i < kSections.size(); ++i) {
    fabric::ConfigVersion now = config_log_->version(kSections.at(i));
    // The same under another epoch is no other content.
    const bool same = now.version == known_.at(i).version && now.origin == known_.at(i).origin;
    if (audit_ != nullptr && !same) audit(kSections.at(i), now);
    known_.at(i) = std::move(now);
  }
  if (follow_) follow_();
}

void FabricBooks::audit(std::string_view section, const fabric::ConfigVersion& now) {
  const std::string by = config_log_->asked_by(section);
  const fabric::Rules& rules = config_log_->rules();
  const std::size_t count = section == "routes" ? rules.routes.size() : rules.zones.size();
  authority::AuditEntry entry{
      .principal = by.empty() ? "operator" : by,
      .action = fmt::format("fabric_{}", section),
      .resource = fmt::format("version {} of hive {}", now.version, now.origin),
      .outcome = "done",
      .detail = fmt::format("{} entries", count)};
  if (auto written = audit_->append(std::move(entry)); !written)
    log::error("fabric", "a change of the {} is not in the audit log: {}", section,
               written.error().message);
}

Task<void> FabricBooks::close(Ctx ctx) {
  recorder_.reset();
  if (turns_) co_await turns_->close(ctx);
}

void FabricBooks::complete(fabric::ConfigRegion& region) const {
  const fabric::ConfigVersion routes = config_log_->version("routes");
  const fabric::ConfigVersion zones = config_log_->version("zones");
  region.routes_version = routes.version;
  region.routes_origin = routes.origin;
  region.zones_version = zones.version;
  region.zones_origin = zones.origin;
}

void FabricBooks::add_counters(std::vector<std::pair<std::string, std::uint64_t>>& counters) const {
  for (const std::string_view section : kSections) {
    counters.emplace_back(fmt::format("config.{}_version", section),
                          config_log_->version(section).version);
  }
  if (!turns_) return;
  const fabric::TurnsStatus turns = turns_->status();
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::uint64_t>>{
           {"turns.published", turns.published},
           {"turns.waiting", turns.spooled},
           {"turns.refused", turns.refused},
           {"turns.redelivered", turns.redelivered},
           {"turns.overflowed", turns.overflowed},
           {"turns.broker_up", turns.broker_up ? 1 : 0}}) {
    counters.emplace_back(name, value);
  }
}

json::object FabricBooks::config_status() const {
  json::object status;
  for (const std::string_view section : kSections) {
    const fabric::ConfigVersion now = config_log_->version(section);
    status[section] =
        json::object{{"version", now.version}, {"origin", now.origin}, {"epoch", now.epoch}};
  }
  return status;
}

json::object FabricBooks::streams_status() const {
  if (!turns_) return {};
  const fabric::TurnsStatus now = turns_->status();
  json::object status{{"to", streams_.url.empty() ? "the home" : streams_.url},
                      {"published", now.published},
                      {"waiting", now.spooled},
                      {"refused", now.refused},
                      {"redelivered", now.redelivered},
                      {"overflowed", now.overflowed}};
  if (!streams_.url.empty()) status["broker_up"] = now.broker_up;
  if (!now.last_error.empty()) status["problem"] = now.last_error;
  return status;
}

}  // namespace skep::kernel
