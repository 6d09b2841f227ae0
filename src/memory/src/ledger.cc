#include "skep/memory/ledger.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "ledger_sums.h"
#include "limits.h"
#include "skep/base/json.h"
#include "skep/base/local_time.h"
#include "skep/base/log.h"

namespace skep::memory {

namespace {

using std::chrono::seconds;

constexpr std::uint64_t kCallsBetweenCheckpoints = 4'096;
// Of the file's end, read for what was spent in the last hour: 50,000 calls at most.
constexpr std::uint64_t kTailBytesFirst = 64u << 10, kTailBytesMax = 16u << 20;
constexpr seconds kDay{86'400};
constexpr seconds kOffsetKept{900};  // zones change at quarters of an hour of UTC, if at all

}  // namespace

Ledger::Hold::Hold(Hold&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)),
      payer_(std::move(other.payer_)),
      tokens_(other.tokens_),
      cost_(other.cost_) {}

Ledger::Hold& Ledger::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  if (ledger_ != nullptr) ledger_->give_back(*this);
  ledger_ = std::exchange(other.ledger_, nullptr);
  payer_ = std::move(other.payer_);
  tokens_ = other.tokens_;
  cost_ = other.cost_;
  return *this;
}

Ledger::Hold::~Hold() {
  if (ledger_ != nullptr) ledger_->give_back(*this);
}

class LedgerImpl final : public Ledger {
 public:
  LedgerImpl(LedgerConfig config, const Clock& clock) : config_(std::move(config)), clock_(clock) {}
  ~LedgerImpl() override { checkpoint(); }

  Result<void> start() {
    SKEP_TRY_VOID(store::make_directories(config_.directory));
    return turn_to(clock_.now());
  }

  Result<Hold> reserve(const Payer& payer, std::int64_t tokens, PicoUsd cost) override {
    SKEP_TRY_VOID(turn_to(clock_.now()));
    if (auto refusal = refuse(payer, tokens, cost)) return fail(Code::kExhausted, *refusal);
    Hold hold;
    hold.payer_ = payer;
    hold.tokens_ = tokens;
    hold.cost_ = cost;
    hold.ledger_ = this;
    set_aside(hold, 1);
    return hold;
  }

  Result<void> settle(Hold hold, ModelCall call) override {
    hold = Hold();
    if (auto turned = turn_to(clock_.now()); !turned)
      log::warn("memory", "the ledger: {}", turned.error().to_string());
    if (call.at == WallTime{}) call.at = clock_.now();
    sums_.add(call, true);
    sums_.add_to_hour(call);
    if (!file_) return fail(Code::kUnavailable, "the ledger's file is not open");
    SKEP_TRY_VOID(file_->append(to_line(call)));
    if (++unsaved_ >= kCallsBetweenCheckpoints) checkpoint();
    return {};
  }

  NamedSpend spent(Scope scope, std::string_view name) override {
    (void)turn_to(clock_.now());
    Sums::Accounts& accounts = sums_.all(scope);
    auto at = accounts.find(scope == Scope::kTotal ? std::string_view() : name);
    if (at == accounts.end()) return {std::string(name), {}, {}};
    return named(name, at->second);
  }

  std::vector<NamedSpend> all(Scope scope) override {
    (void)turn_to(clock_.now());
    std::vector<NamedSpend> out;
    for (auto& [name, account] : sums_.all(scope)) {
      NamedSpend one = named(name, account);
      if (one.month.calls > 0 || one.hour.calls > 0) out.push_back(std::move(one));
    }
    std::ranges::stable_sort(out, [](const NamedSpend& a, const NamedSpend& b) {
      return std::pair(a.month.cost, a.month.tokens()) > std::pair(b.month.cost, b.month.tokens());
    });
    return out;
  }

  const QuotaConfig& quota() const override { return config_.quota; }
  void set_quota(const QuotaConfig& quota) override { config_.quota = quota; }

  void limit_agent(std::string_view agent, const SpendLimits& limits) override {
    if (limits == SpendLimits())
      agent_limits_.erase(std::string(agent));
    else
      agent_limits_.insert_or_assign(std::string(agent), limits);
  }
  bool limited() const override {
    const QuotaConfig& q = config_.quota;
    const SpendLimits none;
    return !agent_limits_.empty() || q.person != none || q.agent != none || q.total != none;
  }

  Millis until_tomorrow() override {
    const auto local = local_seconds(clock_.now());
    return kDay - local % kDay;
  }

 protected:
  void give_back(const Hold& hold) override { set_aside(hold, -1); }

 private:
  NamedSpend named(std::string_view name, Account& account) {
    return {std::string(name), account.day, account.month, account.hour.sum(clock_.now())};
  }

  seconds local_seconds(WallTime now) {
    const auto utc = std::chrono::floor<seconds>(now.time_since_epoch());
    const seconds quarter = utc - utc % kOffsetKept;
    if (!offset_ || quarter != offset_at_) {
      offset_ = utc_offset(now, config_.time_zone);
      offset_at_ = quarter;
    }
    return utc + *offset_;
  }

  static std::chrono::year_month_day date_of(seconds local) {
    return std::chrono::sys_days(std::chrono::floor<std::chrono::days>(local));
  }

  static std::string month_of(seconds local) {
    const auto date = date_of(local);
    return fmt::format("{:04}-{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()));
  }

  // Sums and file of the day and month that `now` is in.
  Result<void> turn_to(WallTime now) {
    const auto day = std::chrono::floor<std::chrono::days>(local_seconds(now));
    if (file_ && day == day_) return {};
    const std::string month = month_of(day);
    if (file_ && month == month_ && day > day_) {
      day_ = day;
      sums_.forget_day();
      return {};
    }
    checkpoint();
    day_ = day;
    return open_month(month);
  }

  Result<void> open_month(const std::string& month) {
    sums_.forget_all();
    file_.reset();
    month_ = month;
    SKEP_TRY(auto file, store::AppendFile::open(path(".jsonl"), config_.sync));
    std::uint64_t from = take_checkpoint(file.size());
    std::ifstream lines(path(".jsonl"), std::ios::binary);
    lines.seekg(static_cast<std::streamoff>(from));
    std::uint64_t unreadable = 0;
    for (std::string line; std::getline(lines, line);) {
      auto call = call_from_line(line);
      if (!call)
        ++unreadable;
      else
        sums_.add(*call, std::chrono::floor<std::chrono::days>(local_seconds(call->at)) == day_);
    }
    if (unreadable > 0) {
      log::warn("memory", "{}: {} lines cannot be read and are not part of the sums",
                path(".jsonl"), unreadable);
    }
    file_.emplace(std::move(file));
    recall_hour();
    return {};
  }

  // The calls of the last hour, which may have begun in another month.
  void recall_hour() {
    const WallTime since = clock_.now() - LastHour::kLength - std::chrono::minutes(1);
    const std::string before = month_of(local_seconds(since));
    if (before != month_)
      recall_calls(fmt::format("{}/{}.jsonl", config_.directory, before), since);
    recall_calls(path(".jsonl"), since);
  }

  // From the end of the file backwards, in larger and larger steps, until one is older.
  void recall_calls(const std::string& file, WallTime since) {
    std::error_code missing;
    const std::uint64_t size = std::filesystem::file_size(file, missing);
    if (missing) return;
    std::ifstream lines(file, std::ios::binary);
    for (std::uint64_t bytes = kTailBytesFirst;; bytes *= 4) {
      const std::uint64_t from = size - std::min(size, bytes);
      lines.clear();
      lines.seekg(static_cast<std::streamoff>(from));
      std::string line;
      if (from > 0) std::getline(lines, line);  // a part of one
      std::vector<ModelCall> calls;
      bool all = from == 0;
      while (std::getline(lines, line)) {
        auto call = call_from_line(line);
        if (!call) continue;
        if (call->at >= since)
          calls.push_back(*std::move(call));
        else
          all = true;
      }
      if (!all && bytes < kTailBytesMax) continue;
      if (!all) log::warn("memory", "{}: not all calls of the last hour are counted", file);
      for (const ModelCall& call : calls) sums_.add_to_hour(call);
      return;
    }
  }

  [[nodiscard]] std::string path(std::string_view extension) const {
    return fmt::format("{}/{}{}", config_.directory, month_, extension);
  }

  // Where to go on reading the file.
  std::uint64_t take_checkpoint(std::uint64_t file_bytes) {
    auto text = store::read_file(path(".sums.json"));
    if (!text) return 0;
    auto value = parse_json(*text);
    if (!value) return 0;
    const auto bytes = get_int(*value, "bytes");
    const json::value* sums = get_member(*value, "sums");
    const auto day = get_int(*value, "day");
    if (!bytes || *bytes < 0 || static_cast<std::uint64_t>(*bytes) > file_bytes || sums == nullptr)
      return 0;
    if (!day || *day > day_.count()) return 0;  // the clock was set back: count anew
    auto read = Sums::from_json(*sums);
    if (!read) return 0;
    sums_ = std::move(*read);
    if (*day < day_.count()) sums_.forget_day();
    return static_cast<std::uint64_t>(*bytes);
  }

  void checkpoint() {
    if (!file_ || unsaved_ == 0) return;
    const json::object out{
        {"bytes", file_->size()}, {"day", day_.count()}, {"sums", sums_.to_json()}};
    unsaved_ = 0;
    if (auto written = store::write_file(path(".sums.json"), to_json(out)); !written)
      log::warn("memory", "the ledger's checkpoint: {}", written.error().to_string());
  }

  void set_aside(const Hold& hold, int sign) {
    const Payer& payer = hold.payer_;
    for (Account* account :
         {&sums_.account(Scope::kTotal, ""), &sums_.account(Scope::kAgent, payer.agent),
          &sums_.account(Scope::kPerson, payer.person)}) {
      account->held_tokens += sign * hold.tokens_;
      account->held_cost += sign * hold.cost_;
    }
  }

  std::optional<std::string> refuse(const Payer& payer, std::int64_t tokens, PicoUsd cost) {
    const QuotaConfig& quota = config_.quota;
    if (!payer.exempt) {
      auto refusal = over(Scope::kPerson, payer.person, "You have", quota.person, tokens, cost);
      if (refusal) return refusal;
    }
    auto refusal = over(Scope::kAgent, payer.agent, "I have", quota.agent, tokens, cost);
    if (refusal) return refusal;
    if (const auto own = agent_limits_.find(payer.agent); own != agent_limits_.end()) {
      refusal = over(Scope::kAgent, payer.agent, "I have", own->second, tokens, cost);
      if (refusal) return refusal;
    }
    return over(Scope::kTotal, "", "Everybody together has", quota.total, tokens, cost);
  }

  std::optional<std::string> over(Scope scope, std::string_view name, std::string_view whose,
                                  const SpendLimits& limits, std::int64_t tokens, PicoUsd cost) {
    if (limits == SpendLimits()) return std::nullopt;
    Account& account = sums_.account(scope, name);
    const auto afresh = [](Millis end) {
      return fmt::format("It starts afresh in {}.", in_words(end));
    };
    const Meter day{whose, "today", afresh(until_tomorrow())};
    const Meter month{whose, "this month", afresh(until_next_month())};
    auto refusal =
        over_tokens(day, limits.daily_tokens, account.day.tokens() + account.held_tokens, tokens);
    if (!refusal)
      refusal = over_tokens(month, limits.monthly_tokens,
                            account.month.tokens() + account.held_tokens, tokens);
    if (!refusal)
      refusal = over_cost(day, limits.daily_cost, account.day.cost + account.held_cost, cost);
    if (!refusal)
      refusal = over_cost(month, limits.monthly_cost, account.month.cost + account.held_cost, cost);
    return refusal ? refusal : over_hour(account, whose, limits, tokens, cost);
  }

  std::optional<std::string> over_hour(Account& account, std::string_view whose,
                                       const SpendLimits& limits, std::int64_t tokens,
                                       PicoUsd cost) {
    if (limits.hourly_tokens == 0 && limits.hourly_cost == 0) return std::nullopt;
    const WallTime now = clock_.now();
    const Spend spent = account.hour.sum(now);
    const auto free_in = [](Millis wait, bool alone) -> std::string {
      if (alone) return "This alone is more.";
      if (wait.count() == 0) return "The rest is set aside for calls that are under way.";
      return fmt::format("Enough of it is free again in {}.", in_words(wait));
    };
    const std::int64_t tokens_free = limits.hourly_tokens - account.held_tokens - tokens;
    const PicoUsd cost_free = limits.hourly_cost - account.held_cost - cost;
    Meter meter{
        whose, "in the last hour",
        free_in(account.hour.until(now, tokens_free, [](const Spend& one) { return one.tokens(); }),
                tokens > limits.hourly_tokens)};
    auto refusal =
        over_tokens(meter, limits.hourly_tokens, spent.tokens() + account.held_tokens, tokens);
    if (refusal) return refusal;
    meter.again =
        free_in(account.hour.until(now, cost_free, [](const Spend& one) { return one.cost; }),
                cost > limits.hourly_cost);
    return over_cost(meter, limits.hourly_cost, spent.cost + account.held_cost, cost);
  }

  Millis until_next_month() {
    const auto local = local_seconds(clock_.now());
    const auto date = date_of(local);
    const std::chrono::year_month next =
        std::chrono::year_month(date.year(), date.month()) + std::chrono::months(1);
    const auto begin = std::chrono::sys_days(next / std::chrono::day(1));
    return std::chrono::seconds(begin.time_since_epoch()) - local;
  }

  LedgerConfig config_;
  std::map<std::string, SpendLimits, std::less<>> agent_limits_;
  const Clock& clock_;
  std::optional<seconds> offset_;
  seconds offset_at_{};
  std::chrono::days day_{};
  std::string month_;
  std::optional<store::AppendFile> file_;
  Sums sums_;
  std::uint64_t unsaved_ = 0;
};

Result<std::unique_ptr<Ledger>> Ledger::open(LedgerConfig config, const Clock& clock) {
  auto ledger = std::make_unique<LedgerImpl>(std::move(config), clock);
  SKEP_TRY_VOID(ledger->start());
  return ledger;
}

}  // namespace skep::memory
