#include "limits.h"

#include <fmt/format.h>

#include <cmath>

namespace skep::memory {
namespace {

void read_usd(ConfigSection& section, std::string_view key, PicoUsd& into) {
  constexpr double kUsdMax = 1'000'000;
  double usd = 0;
  section.read(key, usd);
  if (!(usd >= 0 && usd <= kUsdMax))
    section.problem(key, "must be US dollars from 0 to a million");
  else
    into = std::llround(usd * 1e12);
}

void read_limits(ConfigSection section, SpendLimits& limits) {
  section.read("hourly_tokens", limits.hourly_tokens, {.min = 0});
  section.read("daily_tokens", limits.daily_tokens, {.min = 0});
  section.read("monthly_tokens", limits.monthly_tokens, {.min = 0});
  read_usd(section, "hourly_cost_usd", limits.hourly_cost);
  read_usd(section, "daily_cost_usd", limits.daily_cost);
  read_usd(section, "monthly_cost_usd", limits.monthly_cost);
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3 + (number < 0 ? 1u : 0u); at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

}  // namespace

std::string in_words(Millis time) {
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(time).count();
  if (minutes == 1) return "1 minute";
  if (minutes < 120) return fmt::format("{} minutes", minutes);
  if (minutes < 48 * 60) return fmt::format("{} hours", (minutes + 30) / 60);
  return fmt::format("{} days", (minutes + 12 * 60) / (24 * 60));
}

std::optional<std::string> over_tokens(const Meter& meter, std::int64_t limit, std::int64_t used,
                                       std::int64_t more) {
  if (limit == 0 || used + more <= limit) return std::nullopt;
  return fmt::format("{} used {} of {} tokens {}, and this would go over. {}", meter.whose,
                     grouped(used), grouped(limit), meter.period, meter.again);
}

std::optional<std::string> over_cost(const Meter& meter, PicoUsd limit, PicoUsd used,
                                     PicoUsd more) {
  if (limit == 0 || used + more <= limit) return std::nullopt;
  const auto cents = [](PicoUsd amount) {
    return fmt::format("${:.2f}", static_cast<double>(amount) / static_cast<double>(kUsd));
  };
  return fmt::format("{} spent {} of {} {}, and this would go over. {}", meter.whose, cents(used),
                     cents(limit), meter.period, meter.again);
}

QuotaConfig QuotaConfig::read(ConfigSection section) {
  QuotaConfig quota;
  read_limits(section, quota.person);
  read_limits(section.child("agent"), quota.agent);
  read_limits(section.child("total"), quota.total);
  section.read("admins_exempt", quota.admins_exempt);
  return quota;
}

std::int64_t Spend::tokens() const {
  return usage.input + usage.output + usage.cache_read + usage.cache_write;
}

Spend& Spend::operator+=(const Spend& other) {
  calls += other.calls;
  failed += other.failed;
  usage += other.usage;
  cost += other.cost;
  return *this;
}

}  // namespace skep::memory
