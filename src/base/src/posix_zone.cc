#include "posix_zone.h"

#include <chrono>

namespace skep {
namespace {

using namespace std::chrono;

// Reads from the front of a text; after a failure everything fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool done() const { return good_ && rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { good_ = take(c) && good_; }
  // "CET" or "<+03>": at least three characters.
  void name() {
    std::size_t length = 0;
    const bool quoted = take('<');
    while (length < rest_.size() && (quoted ? rest_[length] != '>' : is_letter(rest_[length])))
      ++length;
    rest_.remove_prefix(length);
    if (quoted) expect('>');
    if (length < 3) good_ = false;
  }
  int number(int min, int max) {
    int value = 0;
    std::size_t digits = 0;
    while (!rest_.empty() && is_digit(rest_.front()) && digits++ < 4) {
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (digits == 0 || value < min || value > max) good_ = false;
    return good_ ? value : min;
  }
  // "[+-]hh[:mm[:ss]]"
  std::int64_t time() {
    const std::int64_t sign = take('-') ? -1 : 1;
    if (sign > 0) (void)take('+');
    std::int64_t seconds = number(0, 167) * 3600;
    if (take(':')) seconds += number(0, 59) * 60;
    if (take(':')) seconds += number(0, 59);
    return sign * seconds;
  }
  PosixZone::Change change() {
    using Kind = PosixZone::Change::Kind;
    PosixZone::Change out;
    if (take('M')) {
      out.month = number(1, 12);
      expect('.');
      out.week = number(1, 5);
      expect('.');
      out.day = number(0, 6);
    } else if (take('J')) {
      out.kind = Kind::kJulian;
      out.day = number(1, 365);
    } else {
      out.kind = Kind::kDayOfYear;
      out.day = number(0, 365);
    }
    if (take('/')) out.time = time();
    return out;
  }

 private:
  static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  std::string_view rest_;
  bool good_ = true;
};

sys_days day_of(const PosixZone::Change& change, year in) {
  using Kind = PosixZone::Change::Kind;
  if (change.kind == Kind::kMonthWeekDay) {
    const month when(static_cast<unsigned>(change.month));
    const weekday day(static_cast<unsigned>(change.day));
    if (change.week == 5) return in / when / day[last];
    return in / when / day[static_cast<unsigned>(change.week)];
  }
  int days = change.day;
  if (change.kind == Kind::kJulian && !(in.is_leap() && days >= 60)) --days;
  return sys_days(in / January / 1) + std::chrono::days(days);
}

}  // namespace

std::optional<PosixZone> PosixZone::parse(std::string_view text) {
  Reader reader(text);
  PosixZone zone;
  reader.name();
  zone.standard = -reader.time();
  if (reader.done()) return zone;
  reader.name();
  zone.summer = zone.standard + 3600;
  if (reader.good() && !reader.at(',')) zone.summer = -reader.time();
  reader.expect(',');
  zone.begins = reader.change();
  reader.expect(',');
  zone.ends = reader.change();
  if (!reader.done()) return std::nullopt;
  return zone;
}

std::int64_t PosixZone::offset_at(std::int64_t moment) const {
  if (!summer) return standard;
  const sys_seconds local{seconds(moment + standard)};
  const year in = year_month_day(floor<days>(local)).year();
  const auto at = [&](const Change& change, std::int64_t offset) {
    return sys_seconds(day_of(change, in)).time_since_epoch().count() + change.time - offset;
  };
  const std::int64_t from = at(begins, standard), to = at(ends, *summer);
  const bool is_summer = from < to ? moment >= from && moment < to : moment >= from || moment < to;
  return is_summer ? *summer : standard;
}

}  // namespace skep
