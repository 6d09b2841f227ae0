// What models have cost, and what they may cost: every call in a file, sums in memory, limits that
// hold.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/base/result.h"
#include "skep/model/money.h"
#include "skep/model/part.h"
#include "skep/store/append_file.h"

namespace skep::memory {

// 0: no limit. The hour is the last sixty minutes, whatever the clock says; day and month are those
// of the configured zone. Tokens are those read, cached ones included, and those written.
struct SpendLimits {
  std::int64_t hourly_tokens = 0, daily_tokens = 0, monthly_tokens = 0;
  PicoUsd hourly_cost = 0, daily_cost = 0, monthly_cost = 0;
  bool operator==(const SpendLimits&) const = default;
};
// [quota], [quota.agent], [quota.total]
struct QuotaConfig {
  SpendLimits person;         // of each person
  SpendLimits agent;          // of each agent, whoever asks
  SpendLimits total;          // of all together
  bool admins_exempt = true;  // from the limits of a person
  static QuotaConfig read(ConfigSection section);
  bool operator==(const QuotaConfig&) const = default;
};

struct LedgerConfig {
  std::string directory;  // <home>/usage: a file of lines for each month
  QuotaConfig quota;
  std::string time_zone;  // days and months begin at its midnight; empty: the system's
  store::Sync sync = store::Sync::kProcess;
};

// One call of a model, as it is kept: a line {"v":1,…}.
struct ModelCall {
  WallTime at{};
  std::string agent, person;
  std::string conversation;  // "xmpp ann@example.org thread"
  std::string turn;          // id of the message that is being answered
  std::string provider, model;
  std::string purpose = "turn";
  Usage usage;
  PicoUsd cost = 0;
  bool failed = false;
};

struct Spend {
  std::uint64_t calls = 0, failed = 0;
  Usage usage;
  PicoUsd cost = 0;
  [[nodiscard]] std::int64_t tokens() const;
  Spend& operator+=(const Spend& other);
  bool operator==(const Spend&) const = default;
};

// Whose account a call goes to. `exempt`: no limits of a person.
struct Payer {
  std::string agent, person;
  bool exempt = false;
};

struct NamedSpend {
  std::string name;
  Spend day, month;
  Spend hour = {};  // the last sixty minutes
};

// Loop thread only. The file is written with one write(2) a call and survives kill -9; sums are
// rebuilt from it and from a checkpoint beside it at opening.
class Ledger {
 public:
  static Result<std::unique_ptr<Ledger>> open(LedgerConfig config, const Clock& clock);
  virtual ~Ledger() = default;

  // Tokens and money set aside for a call under way. Given back when it dies.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&& other) noexcept;
    ~Hold();

   private:
    friend class LedgerImpl;
    Ledger* ledger_ = nullptr;
    Payer payer_;
    std::int64_t tokens_ = 0;
    PicoUsd cost_ = 0;
  };
  // Sets aside what a call may come to. kExhausted when a limit would be passed, with the sentence
  // for the person: which limit, how much of it is used, when there is room again.
  virtual Result<Hold> reserve(const Payer& payer, std::int64_t tokens, PicoUsd cost) = 0;
  // Records the call and gives the hold back. On a failure (full disk) the sums hold all the same.
  virtual Result<void> settle(Hold hold, ModelCall call) = 0;

  enum class Scope : std::uint8_t { kTotal, kAgent, kPerson, kModel };
  // Of the hour, today and this month; `name` is not looked at for kTotal.
  [[nodiscard]] virtual NamedSpend spent(Scope scope, std::string_view name) = 0;
  [[nodiscard]] virtual std::vector<NamedSpend> all(Scope scope) = 0;  // the month's dearest first
  [[nodiscard]] virtual const QuotaConfig& quota() const = 0;
  virtual void set_quota(const QuotaConfig& quota) = 0;  // from the next reserve() on
  // Limits of one agent beside [quota.agent], until they are set anew; none: it has only that.
  virtual void limit_agent(std::string_view agent, const SpendLimits& limits) = 0;
  [[nodiscard]] virtual bool limited() const = 0;  // whether anything has a limit
  [[nodiscard]] virtual Millis until_tomorrow() = 0;

 protected:
  virtual void give_back(const Hold& hold) = 0;
};

}  // namespace skep::memory
