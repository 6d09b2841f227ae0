#include "skep/base/clock.h"

#include <fmt/format.h>

#include <array>

namespace skep {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override {
    return std::chrono::floor<Millis>(std::chrono::system_clock::now());
  }
};

struct Civil {
  int year;
  unsigned month, day, weekday;
  long hour, minute, second, millis;
};

Civil civil(WallTime time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          std::chrono::weekday(day).c_encoding(),
          clock.hours().count(),
          clock.minutes().count(),
          clock.seconds().count(),
          clock.subseconds().count()};
}

void put_digits(std::string& into, std::size_t at, std::size_t digits, long value) {
  for (std::size_t i = at + digits; i-- > at; value /= 10)
    into[i] = static_cast<char>('0' + value % 10);
}

// Reads fixed-width fields from the front of a text; once something does not fit it stays failed.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!next_is_digit()) return fail();
      value = value * 10 + (take() - '0');
    }
    return value;
  }
  void literal(char upper) {
    if (!accept(upper)) fail();
  }
  bool accept(char upper) {
    if (rest_.empty()) return false;
    char c = rest_.front();
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c != upper) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool next_is_digit() const {
    return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
  }
  char take() {
    char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  int fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// ".123456" as whole milliseconds; further digits are dropped.
int read_fraction(FieldReader& in) {
  if (!in.accept('.')) return 0;
  if (!in.next_is_digit()) return in.fail();
  int millis = 0;
  for (int scale = 100; in.next_is_digit(); scale /= 10) millis += (in.take() - '0') * scale;
  return millis;
}

std::chrono::minutes read_offset(FieldReader& in) {
  if (in.accept('Z')) return {};
  int sign = in.accept('-') ? -1 : 1;
  if (sign > 0) in.literal('+');
  int hours = in.number(2);
  in.literal(':');
  int minutes = in.number(2);
  if (hours > 23 || minutes > 59) in.fail();
  return std::chrono::minutes(sign * (hours * 60 + minutes));
}

}  // namespace

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

std::string format_rfc3339(WallTime time, bool millis) {
  const Civil c = civil(time);
  std::string text = "0000-00-00T00:00:00";
  // By hand, because every record of the journal and of a transcript has a time; fmt only for years
  // nobody means.
  if (c.year >= 0 && c.year <= 9999) {
    put_digits(text, 0, 4, c.year);
  } else {
    text.replace(0, 4, fmt::format("{:04}", c.year));
  }
  const std::size_t rest = text.size() - 14;
  put_digits(text, rest, 2, c.month);
  put_digits(text, rest + 3, 2, c.day);
  put_digits(text, rest + 6, 2, c.hour);
  put_digits(text, rest + 9, 2, c.minute);
  put_digits(text, rest + 12, 2, c.second);
  if (millis && c.millis != 0) {
    text += ".000";
    put_digits(text, text.size() - 3, 3, c.millis);
  }
  text += 'Z';
  return text;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  FieldReader in(text);
  int year = in.number(4);
  in.literal('-');
  int month = in.number(2);
  in.literal('-');
  int day = in.number(2);
  in.literal('T');
  int hour = in.number(2);
  in.literal(':');
  int minute = in.number(2);
  in.literal(':');
  int second = in.number(2);
  int millis = read_fraction(in);
  std::chrono::minutes offset = read_offset(in);
  std::chrono::year_month_day date{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  // 60 is a leap second; it counts as the first second of the next minute.
  if (!in.done() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + Millis(millis) - offset;
}

std::string format_archive_stamp(WallTime time) {
  Civil c = civil(time);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}{:02}", c.year, c.month, c.day, c.hour, c.minute,
                     c.second);
}

std::string format_for_people(WallTime time) {
  static constexpr std::array kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
  static constexpr std::array kMonths = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
  Civil c = civil(time);
  return fmt::format("{}, {} {} {:04}, {:02}:{:02} UTC", kDays[c.weekday], c.day,
                     kMonths[c.month - 1], c.year, c.hour, c.minute);
}

}  // namespace skep
