// The rule at the end of a zone file: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ, RFC 8536 3.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skep {

struct PosixZone {
  // A day of the year and a time in seconds of it, which may be outside the day.
  struct Change {
    enum class Kind { kMonthWeekDay, kJulian, kDayOfYear } kind = Kind::kMonthWeekDay;
    int month = 1, week = 1, day = 0;  // kMonthWeekDay: day 0 is Sunday, week 5 the last
    std::int64_t time = 7200;
  };
  std::int64_t standard = 0;  // seconds east of UTC
  std::optional<std::int64_t> summer;
  Change begins, ends;  // of summer time

  static std::optional<PosixZone> parse(std::string_view text);
  [[nodiscard]] std::int64_t offset_at(std::int64_t moment) const;
};

}  // namespace skep
