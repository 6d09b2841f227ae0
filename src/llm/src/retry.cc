// How long to wait before the next attempt.
#include <charconv>
#include <cmath>

#include "classify.h"
#include "retries.h"
#include "skep/base/text.h"
#include "skep/llm/model.h"

namespace skep::llm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWishMax{60'000};
constexpr milliseconds kFirstBackoff{1'000};
constexpr milliseconds kBackoffMax{30'000};
constexpr double kSecondsMax = 86'400;  // a larger wish is as good as this one

// The number in front of `text`, and how many characters it took.
std::optional<std::pair<double, std::size_t>> leading_number(std::string_view text) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  return std::pair(number, static_cast<std::size_t>(end - text.data()));
}

milliseconds from_seconds(double seconds) {
  return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(seconds, kSecondsMax) * 1000)));
}

std::optional<int> two_digits(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// IMF-fixdate, RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<WallTime> parse_http_date(std::string_view text) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  auto words = split_words(text);
  if (words.size() != 6 || words[5] != "GMT" || words[2].size() != 3) return std::nullopt;
  auto clock = split(words[4], ':');
  std::size_t month = kMonths.find(words[2]);
  if (clock.size() != 3 || month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  auto day = two_digits(words[1]), year = two_digits(words[3]);
  auto hour = two_digits(clock[0]), minute = two_digits(clock[1]), second = two_digits(clock[2]);
  if (!day || !year || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(*year),
                                   std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

// "Please try again in 1.2s", "retry after 20 seconds", "try again in 250ms".
std::optional<milliseconds> wish_in_words(std::string_view message) {
  std::string lower = to_lower_ascii(message);
  for (std::string_view lead : {"try again in ", "retry after ", "retry-after: ", "retry in "}) {
    std::size_t at = lower.find(lead);
    if (at == std::string::npos) continue;
    std::string_view rest = std::string_view(lower).substr(at + lead.size());
    auto number = leading_number(rest);
    if (!number) continue;
    std::string_view unit = trim(rest.substr(number->second));
    if (unit.starts_with("ms") || unit.starts_with("milli"))
      return from_seconds(number->first / 1000);
    if (unit.starts_with("m") && !unit.starts_with("ms")) return from_seconds(number->first * 60);
    return from_seconds(number->first);
  }
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> retry_after(const net::Headers& headers, std::string_view message,
                                        WallTime now) {
  std::string_view exact = trim(net::find_header(headers, "retry-after-ms"));
  if (auto number = leading_number(exact); number && number->second == exact.size()) {
    return from_seconds(number->first / 1000);
  }
  std::string_view header = trim(net::find_header(headers, "retry-after"));
  if (auto number = leading_number(header); number && number->second == header.size()) {
    return from_seconds(number->first);
  }
  if (auto date = parse_http_date(header)) return std::max(milliseconds(0), *date - now);
  return wish_in_words(message);
}

milliseconds retry_delay(int retry, std::optional<milliseconds> wish, double jitter) {
  if (wish) return std::clamp(*wish, milliseconds(0), kWishMax);
  int doublings = std::clamp(retry - 1, 0, 5);
  milliseconds ceiling = std::min(kFirstBackoff * (1 << doublings), kBackoffMax);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(ceiling.count()) * jitter));
}

std::optional<milliseconds> Retries::next(const Failure& failure, Attempts& attempts) {
  if (!failure.retryable || attempts.made_with > rule_.retries) return std::nullopt;
  if (failure.error.code == Code::kCorrupt && attempts.second_chances-- <= 0) return std::nullopt;
  const double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
  const milliseconds delay = retry_delay(attempts.made, failure.retry_after, jitter);
  if (attempts.waited + delay > rule_.budget) return std::nullopt;
  attempts.waited += delay;
  return delay;
}

}  // namespace skep::llm
