// Times that come again: "0 9 * * mon-fri".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skep/base/clock.h"
#include "skep/base/result.h"
#include "skep/base/time_zone.h"

namespace skep::schedule {

// A cron expression as POSIX has it: minute, hour, day of the month, month, weekday; lists, ranges,
// steps, English names of months and weekdays, 0 and 7 for Sunday; when days of the month and
// weekdays are both restricted, either will do. Also @hourly, @daily (@midnight), @weekly,
// @monthly, @yearly (@annually). A value.
class Cron {
 public:
  static constexpr std::size_t text_bytes_max = 256;

  // kInvalid, naming the field and what is wrong with it, also for days that no month has.
  static Result<Cron> parse(std::string_view text);

  // The first time after `after` by the clocks of `zone`; nullopt beyond eight years or so. Where
  // clocks are set, an expression for certain hours runs once: what is skipped an hour later by the
  // clock, what comes twice the first time. One for every hour (`*`, `*/2`) follows the time that
  // passes.
  [[nodiscard]] std::optional<WallTime> next(WallTime after, const TimeZone& zone) const;

  [[nodiscard]] const std::string& text() const { return text_; }  // as it was given, trimmed

  bool operator==(const Cron&) const = default;

 private:
  [[nodiscard]] bool on(std::chrono::year_month_day day) const;
  [[nodiscard]] std::optional<std::chrono::sys_seconds> next_on(std::chrono::local_days day,
                                                                std::chrono::sys_seconds after,
                                                                const TimeZone& zone) const;
  template <class Visit>
  void each_time(int first, Visit visit) const;

  std::string text_;
  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // bit n: n is meant
  bool any_day_ = false, any_weekday_ = false;  // the field is `*` or begins with it
  bool every_hour_ = false;
};

}  // namespace skep::schedule
