// The sums of a month, and the lines they are made of.
#pragma once

#include <array>
#include <map>
#include <string>

#include "last_hour.h"
#include "skep/memory/ledger.h"

namespace skep::memory {

// Spent and set aside by one payer (or for one model).
struct Account {
  Spend day, month;
  LastHour hour;
  std::int64_t held_tokens = 0;
  PicoUsd held_cost = 0;
};

// Sums of one month, the day's among them. Pure.
class Sums {
 public:
  using Accounts = std::map<std::string, Account, std::less<>>;

  void add(const ModelCall& call, bool today);
  void add_to_hour(const ModelCall& call);
  void forget_day();  // a new one has begun
  void forget_all();  // likewise a month; what is set aside stays
  Account& account(Ledger::Scope scope, std::string_view name);
  [[nodiscard]] Accounts& all(Ledger::Scope scope) {
    return scopes_[static_cast<std::size_t>(scope)];
  }

  // For the checkpoint. Without what is set aside.
  [[nodiscard]] json::value to_json() const;
  static Result<Sums> from_json(const json::value& value);

 private:
  template <class Put>
  void for_each_of(const ModelCall& call, const Put& put);

  std::array<Accounts, 4> scopes_;  // by Ledger::Scope
};

std::string to_line(const ModelCall& call);
Result<ModelCall> call_from_line(std::string_view line);

}  // namespace skep::memory
