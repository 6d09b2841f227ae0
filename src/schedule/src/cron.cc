#include "skep/schedule/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "cron_fields.h"
#include "skep/base/text.h"

namespace skep::schedule {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

constexpr int kDaysSearched = 8 * 366 + 1;  // from one 29 February to the next across a 2100

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

constexpr unsigned kLongestMonth[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

Result<std::string_view> fields_of(std::string_view text) {
  if (!text.starts_with('@')) return text;
  for (const auto& [name, fields] : kNicknames) {
    if (equals_ignoring_ascii_case(name, text)) return fields;
  }
  return fail(Code::kInvalid,
              "of the words with @ there are @hourly, @daily, @weekly, @monthly and @yearly");
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  text = trim(text);
  if (text.size() > text_bytes_max)
    return fail(Code::kInvalid,
                fmt::format("a cron expression has at most {} bytes", text_bytes_max));
  SKEP_TRY(const std::string_view expanded, fields_of(text));
  const std::vector<std::string_view> fields = split_words(expanded);
  if (fields.size() != 5) {
    return fail(Code::kInvalid,
                fmt::format("a cron expression has five fields (minute, hour, day of the month, "
                            "month, weekday), this one {}",
                            fields.size()));
  }
  Cron cron;
  cron.text_ = text;
  SKEP_TRY(cron.minutes_, parse_cron_field(fields[0], {"the minute", 0, 59, {}}));
  SKEP_TRY(const std::uint64_t hour, parse_cron_field(fields[1], {"the hour", 0, 23, {}}));
  SKEP_TRY(const std::uint64_t day, parse_cron_field(fields[2], {"the day", 1, 31, {}}));
  SKEP_TRY(const std::uint64_t month, parse_cron_field(fields[3], {"the month", 1, 12, kMonths}));
  SKEP_TRY(std::uint64_t weekday, parse_cron_field(fields[4], {"the weekday", 0, 7, kWeekdays}));
  if ((weekday & 0x80) != 0) weekday |= 1;  // 7 is Sunday too
  cron.hours_ = static_cast<std::uint32_t>(hour);
  cron.days_ = static_cast<std::uint32_t>(day);
  cron.months_ = static_cast<std::uint32_t>(month);
  cron.weekdays_ = static_cast<std::uint32_t>(weekday & 0x7f);
  cron.every_hour_ = fields[1].starts_with('*');
  cron.any_day_ = fields[2].starts_with('*');
  cron.any_weekday_ = fields[4].starts_with('*');
  const bool by_day = cron.any_weekday_ && !cron.any_day_;
  bool exists = !by_day;
  for (unsigned m = 1; m <= 12 && !exists; ++m) {
    const bool meant = (cron.months_ >> m & 1) != 0;
    exists = meant && static_cast<unsigned>(std::countr_zero(cron.days_)) <= kLongestMonth[m - 1];
  }
  if (!exists) return fail(Code::kInvalid, "no month that is meant has such a day");
  return cron;
}

bool Cron::on(std::chrono::year_month_day day) const {
  if ((months_ >> static_cast<unsigned>(day.month()) & 1) == 0) return false;
  const bool by_day = (days_ >> static_cast<unsigned>(day.day()) & 1) != 0;
  const std::chrono::weekday weekday{local_days(day)};
  const bool by_weekday = (weekdays_ >> weekday.c_encoding() & 1) != 0;
  // A field that begins with `*` restricts together with the other one, as cron has always had it.
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

// From hour `first` on, until `visit` says true.
template <class Visit>
void Cron::each_time(int first, Visit visit) const {
  for (int hour = first; hour < 24; ++hour) {
    if ((hours_ >> hour & 1) == 0) continue;
    for (int minute = 0; minute < 60; ++minute) {
      if ((minutes_ >> minute & 1) != 0 && visit(hours(hour) + minutes(minute))) return;
    }
  }
}

std::optional<sys_seconds> Cron::next_on(local_days day, sys_seconds after,
                                         const TimeZone& zone) const {
  const sys_seconds midnight{local_seconds(day).time_since_epoch()};
  const seconds before = zone.offset_at(midnight - hours(24));
  const bool changes = before != zone.offset_at(midnight + hours(48));
  std::optional<sys_seconds> best;
  const auto take = [&](sys_seconds moment) {
    if (moment > after && (!best || moment < *best)) best = moment;
  };
  const auto passed = floor<hours>(after - (midnight - before)).count();
  each_time(changes ? 0 : static_cast<int>(std::clamp<std::int64_t>(passed, 0, 24)),
            [&](seconds time) {
              if (!changes) {
                take(midnight + time - before);
                return best.has_value();
              }
              const std::vector<sys_seconds> moments = zone.moments_of(local_seconds(day) + time);
              if (moments.empty() && !every_hour_) take(midnight + time - before);
              for (std::size_t i = 0; i < moments.size() && (i == 0 || every_hour_); ++i)
                take(moments[i]);
              return false;  // where clocks are set, later by the clock may be earlier in time
            });
  return best;
}

std::optional<WallTime> Cron::next(WallTime after, const TimeZone& zone) const {
  const sys_seconds from = floor<seconds>(after);
  const seconds offset = zone.offset_at(from);
  local_days day = floor<days>(local_seconds((from + offset).time_since_epoch()));
  day -= days(1);  // a time that yesterday's clocks skipped may be today
  for (int i = 0; i < kDaysSearched; ++i, day += days(1)) {
    if (!on(std::chrono::year_month_day(day))) continue;
    if (const auto found = next_on(day, from, zone)) return WallTime(*found);
  }
  return std::nullopt;
}

}  // namespace skep::schedule
