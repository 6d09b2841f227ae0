#include "skep/fabric/config_log.h"

#include <algorithm>

#include "config_commands.h"
#include "config_file.h"
#include "core.h"
#include "skep/base/log.h"

namespace skep::fabric {

namespace {

constexpr std::string_view kRoom = "fabric";
constexpr std::uint8_t kFarTtl = 16, kHiveTtl = 2;  // everywhere; the peers of this hive
constexpr std::uint8_t kSessionTtl = 2;             // one router further

std::string_view status_name(Applied status) {
  constexpr auto kNames =
      std::to_array<std::string_view>({"applied", "unchanged", "stale", "refused", "error"});
  return kNames[static_cast<std::size_t>(status)];
}

std::uint64_t seconds_now() {
  const auto now = Clock::system().now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

// Who wants a change.
struct Asked {
  std::string hive, name, trace;
};

class Log final : public ConfigLog, public Inbox {
 public:
  Log(Router& router, ConfigLogConfig config)
      : core_(router.core()), config_(std::move(config)), own_(router.hive()) {}
  ~Log() override;
  Result<void> open(Router& router);

  ConfigOutcome change(std::string_view section, std::uint64_t version,
                       const json::value& content) override;
  [[nodiscard]] ConfigVersion version(std::string_view section) const override;
  [[nodiscard]] std::string asked_by(std::string_view section) const override;
  [[nodiscard]] const Rules& rules() const override { return core_.table().rules(); }
  void on_applied(std::function<void()> follow) override { applied_ = std::move(follow); }
  json::object command(std::string_view action, const json::value& entry) override {
    return run(action, &entry, true, {}).answer();
  }
  // What is sent to SY.config.
  Result<void> deliver(Message message) override;

 private:
  using States = std::array<std::optional<ConfigState>, kSections.size()>;

  [[nodiscard]] bool is_main() const { return file_.has_value(); }
  [[nodiscard]] bool is_trusted(std::string_view hive) const {
    return hive == own_ || std::ranges::find(config_.from, hive) != config_.from.end();
  }
  [[nodiscard]] const std::optional<ConfigState>& state(Section section) const {
    return states_[static_cast<std::size_t>(section)];
  }
  [[nodiscard]] ConfigVersion version_of(Section section) const {
    return state(section) ? state(section)->version : ConfigVersion{};
  }
  std::uint64_t& fresh_epoch(Section section) {
    return fresh_epochs_[static_cast<std::size_t>(section)];
  }

  ConfigOutcome request(Section section, std::uint64_t version, const json::value& content,
                        const Asked& asked);
  ConfigOutcome request_and_spread(Section section, std::uint64_t version,
                                   const json::value& content, const Asked& asked);
  Result<void> apply(ConfigState state);
  void set_rules();
  ConfigOutcome outcome(Section section, Applied status, std::string code = {},
                        std::string detail = {}) const {
    return {status, version_of(section), std::move(code), std::move(detail)};
  }

  void changed(std::string_view hive, const Message& message, bool to_all);
  void adopt(std::string_view hive, ConfigState state, bool told_alone);
  void compare(const json::value& versions, Exit* exit);
  void answer(const Asked& asked, std::string_view subsystem, const ConfigOutcome& outcome);
  ConfigCommand run(std::string_view action, const json::value* entry, bool allowed,
                    std::string by);
  void command(const Message& message);

  [[nodiscard]] Message router_message(std::string action, const json::value& payload,
                                       std::uint8_t ttl) const;
  void tell(Exit& exit, std::string action, const json::value& payload);
  void tell_versions(Exit& exit);
  void spread(Section section, std::uint8_t ttl);

  Core& core_;
  ConfigLogConfig config_;
  std::string own_;
  std::optional<ConfigFile> file_;
  States states_;
  // What the next change of our own is dated with at least, when the log began damaged, or empty in
  // a hive that follows no other.
  std::array<std::uint64_t, kSections.size()> fresh_epochs_{};
  std::function<void()> applied_;
  std::string commander_;     // while a node's command is carried out
  std::optional<Port> node_;  // SY.config
};

std::string hive_of(const Origin& from, const Message& message) {
  if (from.by == Origin::By::kHive) return std::string(from.hive);
  return message.src_name ? std::string(message.src_name->hive()) : std::string();
}

}  // namespace

Result<std::unique_ptr<ConfigLog>> ConfigLog::open(Router& router, ConfigLogConfig config) {
  auto log = std::make_unique<Log>(router, std::move(config));
  SKEP_TRY_VOID(log->open(router));
  return log;
}

Log::~Log() {
  for (std::string_view msg : {"CONFIG_CHANGED", "CONFIG_STATE", "RULES_VERSIONS"})
    core_.on_control(std::string(msg), {});
  core_.on_session({});
}

Result<void> Log::open(Router& router) {
  if (!config_.path.empty()) {
    ConfigFile::Found found;
    SKEP_TRY(file_, ConfigFile::open(config_.path, config_.bytes_max, found));
    states_ = std::move(found.states);
    if (found.damaged > 0)
      log::warn(kRoom, "{}: {} damaged lines left out (kept in {}.bad); other routers are asked",
                config_.path, found.damaged, config_.path);
    for (Section section : kSections) {
      if (found.damaged > 0 || (!state(section) && config_.from.empty()))
        fresh_epoch(section) = std::max(seconds_now(), version_of(section).epoch + 1);
    }
    set_rules();
    SKEP_TRY(const Name name, Name::parse("SY.config", own_));
    SKEP_TRY(node_, router.attach(name, NodeId{Uuid::random()}, *this));
  }
  core_.on_session([this](Exit& exit) { tell_versions(exit); });
  core_.on_control("CONFIG_CHANGED", [this](const Origin& from, const Packet& packet) {
    const bool to_all = packet.view().to == EnvelopeView::To::kBroadcast;
    if (auto message = packet.message()) changed(hive_of(from, *message), *message, to_all);
  });
  core_.on_control("CONFIG_STATE", [this](const Origin& from, const Packet& packet) {
    auto message = packet.message();
    if (!message) return core_.count(Drop::kMalformed);
    const auto payload = parse_json(message->payload);
    auto state = payload ? state_from_json(*payload) : std::unexpected(payload.error());
    if (!state) return core_.count(Drop::kMalformed);
    const bool told_alone = packet.view().to == EnvelopeView::To::kNull;
    adopt(from.by == Origin::By::kHive ? from.hive : own_, *std::move(state), told_alone);
  });
  core_.on_control("RULES_VERSIONS", [this](const Origin& from, const Packet& packet) {
    auto message = packet.message();
    const auto payload = message ? parse_json(message->payload) : std::unexpected(message.error());
    if (!payload) return core_.count(Drop::kMalformed);
    compare(*payload, from.exit);
  });
  return {};
}

ConfigOutcome Log::change(std::string_view name, std::uint64_t version,
                          const json::value& content) {
  const auto section = section_of(name);
  if (!section) return {Applied::kError, {}, "INVALID_PAYLOAD", "a section is routes or zones"};
  return request_and_spread(*section, version, content, {.hive = own_});
}

ConfigVersion Log::version(std::string_view section) const {
  const auto known = section_of(section);
  return known ? version_of(*known) : ConfigVersion{};
}

std::string Log::asked_by(std::string_view section) const {
  const auto known = section_of(section);
  if (!known || !state(*known)) return {};
  return commander_.empty() ? state(*known)->asked_by : commander_;
}

ConfigOutcome Log::request_and_spread(Section section, std::uint64_t version,
                                      const json::value& content, const Asked& asked) {
  ConfigOutcome done = request(section, version, content, asked);
  // What another hive wants it tells the others itself.
  if (done.status == Applied::kApplied) spread(section, asked.hive == own_ ? kFarTtl : kHiveTtl);
  return done;
}

ConfigOutcome Log::request(Section section, std::uint64_t version, const json::value& content,
                           const Asked& asked) {
  ConfigState wanted{.section = section, .asked_by = asked.name, .asked_trace = asked.trace};
  if (auto read = wanted.read_content(content); !read) {
    const bool large = read.error().code == Code::kTooLarge;
    return outcome(section, Applied::kError, large ? "TOO_LARGE" : "INVALID_CONFIG",
                   read.error().message);
  }
  const ConfigVersion now = version_of(section);
  const bool same = state(section) && state(section)->same_content(wanted);
  if (version == 0 && asked.hive != own_)
    return outcome(section, Applied::kRefused, "VERSION_NEEDED",
                   "another hive's change needs a version, so that all hives agree on it");
  if (same && (version == 0 || version == now.version))
    return outcome(section, Applied::kUnchanged);
  if (version != 0 && version <= now.version) return outcome(section, Applied::kStale);
  // The epoch of another hive's change comes with its CONFIG_STATE; one of ours would outrank it.
  const bool own = asked.hive == own_;
  wanted.version = {.version = version == 0 ? now.version + 1 : version,
                    .origin = asked.hive,
                    .epoch = own ? std::max(now.epoch, fresh_epoch(section)) : now.epoch};
  if (auto applied = apply(std::move(wanted)); !applied)
    return outcome(section, Applied::kError, "PERSIST_FAILED", applied.error().message);
  return outcome(section, Applied::kApplied);
}

// To the disk, then everywhere at once.
Result<void> Log::apply(ConfigState fresh) {
  States next = states_;
  const Section section = fresh.section;
  next[static_cast<std::size_t>(section)] = std::move(fresh);
  if (file_) SKEP_TRY_VOID(file_->append(*next[static_cast<std::size_t>(section)], next));
  states_ = std::move(next);
  set_rules();
  if (applied_) applied_();
  return {};
}

void Log::set_rules() {
  Rules rules;
  if (state(Section::kRoutes)) rules.routes = state(Section::kRoutes)->routes;
  if (state(Section::kZones)) rules.zones = state(Section::kZones)->zones;
  if (rules != core_.table().rules()) core_.set_rules(std::move(rules));
}

// Who may send a CONFIG_CHANGED at all the core has checked; whether this hive believes the
// sender's is checked here. Only the router that keeps the log decides and answers.
void Log::changed(std::string_view hive, const Message& message, bool to_all) {
  if (!message.src_name || (to_all && !is_main())) return;
  const auto payload = parse_json(message.payload);
  const std::string subsystem(payload ? get_string(*payload, "subsystem") : "");
  const auto section = section_of(subsystem);
  const Asked asked{std::string(hive), message.src_name->str(), message.trace};
  if (!section && to_all && payload) return;  // somebody else's
  if (!section) {
    answer(asked, subsystem,
           {Applied::kError,
            {},
            "INVALID_PAYLOAD",
            "\"subsystem\" must be routes or vpn, beside version and config"});
    return;
  }
  // It came by the way of routers already, and was answered then.
  const auto& now = state(*section);
  if (hive != own_ && now && now->asked_by == asked.name && now->asked_trace == asked.trace) return;
  ConfigOutcome done;
  const json::value* content = get_member(*payload, "config");
  const auto version = get_member(*payload, "version") ? get_int(*payload, "version") : 0;
  if (!is_main()) {
    done = outcome(*section, Applied::kRefused, "NOT_MAIN",
                   fmt::format("this router keeps no configuration: send to SY.config@{}", own_));
  } else if (!is_trusted(hive)) {
    done = outcome(*section, Applied::kRefused, "NOT_ALLOWED",
                   fmt::format("hive \"{}\" is not in config_from of \"{}\"", hive, own_));
  } else if (content == nullptr || !version || *version < 0) {
    done = outcome(*section, Applied::kError, "INVALID_PAYLOAD",
                   "\"config\" is missing or \"version\" is no whole number from 0 on");
  } else {
    done = request_and_spread(*section, static_cast<std::uint64_t>(*version), *content, asked);
  }
  answer(asked, subsystem, done);
}

// Another router's state: taken when it is newer.
void Log::adopt(std::string_view hive, ConfigState news, bool told_alone) {
  const Section section = news.section;
  const ConfigVersion now = version_of(section);
  if (!is_trusted(hive)) return core_.count(Drop::kNotAllowed);
  if (!is_newer(news.version, now)) return;
  const bool renamed = state(section) && now.version == news.version.version &&
                       now.origin == news.version.origin && state(section)->same_content(news);
  const Asked asked{news.version.origin, news.asked_by, news.asked_trace};
  ConfigOutcome done{Applied::kApplied, news.version, {}, {}};
  if (auto applied = apply(std::move(news)); !applied) {
    log::warn(kRoom, "keeping version {} of the {}: {}", done.now.version, section_name(section),
              applied.error().message);
    done = outcome(section, Applied::kError, "PERSIST_FAILED", applied.error().message);
  } else {
    fresh_epoch(section) = 0;
    if (told_alone) spread(section, kFarTtl);
  }
  if (is_main() && !renamed && asked.hive != own_) answer(asked, section_name(section), done);
}

// Who is older is told what we have.
void Log::compare(const json::value& versions, Exit* exit) {
  if (exit == nullptr) return;
  for (Section section : kSections) {
    const json::value* member = get_member(versions, section_name(section));
    const auto theirs = member ? version_from_json(*member) : Result<ConfigVersion>();
    if (!theirs) return core_.count(Drop::kMalformed);
    if (state(section) && is_newer(version_of(section), *theirs))
      tell(*exit, "CONFIG_STATE", to_json_value(*state(section)));
  }
}

void Log::answer(const Asked& asked, std::string_view subsystem, const ConfigOutcome& done) {
  const auto to = Name::parse(asked.name);
  if (!to) return;
  json::object payload{{"subsystem", subsystem},
                       {"version", done.now.version},
                       {"status", status_name(done.status)},
                       {"hive", own_}};
  if (!done.error_code.empty()) payload["error_code"] = done.error_code;
  if (!done.error_detail.empty()) payload["error_detail"] = done.error_detail;
  Message message = router_message("CONFIG_RESPONSE", payload, kFarTtl);
  message.trace = asked.trace;
  message.dst = *to;
  core_.send(std::move(message));
}

Message Log::router_message(std::string action, const json::value& payload,
                            std::uint8_t ttl) const {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = Uuid::random().str();
  message.src = core_.config().id;
  message.src_name = core_.config().name;
  message.ttl = ttl;
  message.kind = Kind::kSystem;
  message.action = std::move(action);
  message.payload = to_json(payload);
  return message;
}

// To the router at the other end of a link alone.
void Log::tell(Exit& exit, std::string action, const json::value& payload) {
  Packet packet(router_message(std::move(action), payload, kSessionTtl));
  packet.stamp.src_name = core_.config().name.str();
  if (auto taken = exit.take(packet); !taken)
    log::warn(kRoom, "telling a router about the configuration: {}", taken.error().message);
}

void Log::tell_versions(Exit& exit) {
  json::object versions;
  for (Section section : kSections)
    versions[section_name(section)] = to_json_value(version_of(section));
  tell(exit, "RULES_VERSIONS", versions);
}

// To all routers; no node is named RT.
void Log::spread(Section section, std::uint8_t ttl) {
  Message message = router_message("CONFIG_STATE", to_json_value(*state(section)), ttl);
  message.dst = Broadcast{"RT.*@*"};
  core_.send(std::move(message));
}

Result<void> Log::deliver(Message message) {
  if (message.kind == Kind::kControl) {
    command(message);
  } else if (message.kind == Kind::kSystem && message.action == "CONFIG_CHANGED" &&
             !std::holds_alternative<Broadcast>(message.dst) && message.src_name) {
    const std::string hive(message.src_name->hive());
    changed(hive, message, false);
  }
  return {};
}

ConfigCommand Log::run(std::string_view action, const json::value* entry, bool allowed,
                       std::string by) {
  ConfigCommand command = read_command(action, entry, allowed);
  if (command.section) {
    ConfigState now = state(*command.section).value_or(ConfigState{.section = *command.section});
    if (auto content = command.edit(now)) {
      commander_ = std::move(by);
      const ConfigOutcome done = request_and_spread(*command.section, 0, *content, {.hive = own_});
      command.settle(done);
      commander_.clear();
      now = state(*command.section).value_or(std::move(now));
    }
    command.list(now);
  }
  return command;
}

void Log::command(const Message& message) {
  if (!message.src_name) return;
  const Name& sender = *message.src_name;
  const bool allowed = sender.type() == NodeType::kSystem && is_trusted(sender.hive());
  const auto payload = parse_json(message.payload);
  const ConfigCommand command =
      run(message.action, payload ? &*payload : nullptr, allowed, sender.str());
  Message reply = command.reply(message);
  reply.dst = sender;
  (void)node_->send(std::move(reply));  // the sender may be gone; nobody else wants to know
}

}  // namespace skep::fabric
