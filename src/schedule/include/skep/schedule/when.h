// When something runs by itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "skep/schedule/cron.h"

namespace skep::schedule {

// Once.
struct At {
  WallTime time{};
  bool operator==(const At&) const = default;
};
// Again and again, so far apart, counted from `from`.
struct Every {
  static constexpr Millis min{1000};
  static constexpr Millis max = std::chrono::hours(24 * 366);
  Millis interval{};
  WallTime from{};
  bool operator==(const Every&) const = default;
};

// A value. Its text and zone give it back: they are what is kept.
class When {
 public:
  // "at 2026-12-24T18:00:00+01:00", "at 2026-12-24 18:00" (by the clocks of `zone`), "in 10m",
  // "every 90s" (s, m, h, d; "every 1h 30m"), and what Cron takes. Names of units may be written
  // out. `now`: what "in" and "every" count from. kInvalid with what is wrong, also for times over
  // a year away.
  static Result<When> parse(std::string_view text, const std::string& zone, WallTime now);
  static constexpr std::chrono::hours at_max{24 * 366};

  // The first time after `after`; nullopt: never again.
  [[nodiscard]] std::optional<WallTime> next(WallTime after) const;
  // The first time at all, of one that is made at `now`: a time that has passed is due at once.
  [[nodiscard]] std::optional<WallTime> first(WallTime now) const;

  [[nodiscard]] bool once() const { return std::holds_alternative<At>(when_); }
  [[nodiscard]] const Every* every() const { return std::get_if<Every>(&when_); }
  // "every 90s", "at 2026-12-24T17:00:00Z", "0 9 * * 1-5": what parse() takes.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& zone() const {
    return zone_name_;
  }  // of clocks; "": the system's

  // The same one counted from `from`: an "every" keeps its beat when the process has changed.
  [[nodiscard]] When counted_from(WallTime from) const;

  bool operator==(const When& other) const {
    return text_ == other.text_ && zone_name_ == other.zone_name_ && when_ == other.when_;
  }

 private:
  std::variant<At, Every, Cron> when_;
  std::string text_, zone_name_;
  TimeZone zone_;
};

// "22:00-06:30" of a day, by the clocks of `zone`: when nothing is to start by itself.
class QuietHours {
 public:
  static Result<QuietHours> parse(std::string_view text, const std::string& zone);
  [[nodiscard]] bool at(WallTime time) const;
  // Of a time in them: when they end.
  [[nodiscard]] WallTime end(WallTime time) const;

 private:
  std::chrono::minutes from_{}, to_{};
  TimeZone zone_;
};

}  // namespace skep::schedule
