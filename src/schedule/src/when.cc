#include "skep/schedule/when.h"

#include <fmt/format.h>

#include <charconv>

#include "skep/base/text.h"

namespace skep::schedule {

using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

std::optional<int> number_of(std::string_view text, int min, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= min && value <= max ? std::optional(value) : std::nullopt;
}

std::optional<Millis> unit_of(std::string_view word) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"s", 1},        {"sec", 1},      {"secs", 1},    {"second", 1},
      {"seconds", 1},  {"m", 60},       {"min", 60},    {"mins", 60},
      {"minute", 60},  {"minutes", 60}, {"h", 3600},    {"hour", 3600},
      {"hours", 3600}, {"d", 86400},    {"day", 86400}, {"days", 86400}};
  for (const auto& [name, length] : kUnits) {
    if (equals_ignoring_ascii_case(name, word)) return seconds(length);
  }
  return std::nullopt;
}

// "90s", "1h 30m", "2 days", "hour".
Result<Millis> duration_of(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::kInvalid, fmt::format("\"{}\" is no length of time: write 30s, 10m, 2h or 1d",
                                            cut_utf8(to_valid_utf8(text), 40)));
  };
  Millis total{0};
  std::string_view rest = trim(text);
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto count =
        digits == 0 ? std::optional(1) : number_of(rest.substr(0, digits), 1, 10'000'000);
    rest = trim(rest.substr(digits));
    const std::size_t letters = std::min(rest.find_first_of(" 0123456789"), rest.size());
    const auto unit = unit_of(rest.substr(0, letters));
    if (!count || !unit) return bad();
    total += *unit * *count;
    if (total > Every::max) return fail(Code::kInvalid, "at most a year");
    rest = trim(rest.substr(letters));
  }
  if (total < Every::min) return bad();
  return total;
}

std::string duration_text(Millis length) {
  const auto count = std::chrono::floor<seconds>(length).count();
  for (const auto& [unit, name] :
       {std::pair{86400, 'd'}, std::pair{3600, 'h'}, std::pair{60, 'm'}}) {
    if (count % unit == 0) return fmt::format("{}{}", count / unit, name);
  }
  return fmt::format("{}s", count);
}

// "2026-12-24 18:00[:00]", with a T or a space.
std::optional<local_seconds> local_of(std::string_view text) {
  if (text.size() < 16 || (text[10] != ' ' && text[10] != 'T' && text[10] != 't'))
    return std::nullopt;
  std::string full(text);
  full[10] = 'T';
  if (full.size() == 16) full += ":00";
  const auto as_utc = parse_rfc3339(full + "Z");
  if (!as_utc) return std::nullopt;
  return local_seconds(std::chrono::floor<seconds>(*as_utc).time_since_epoch());
}

Result<WallTime> moment_of(std::string_view text, const TimeZone& zone) {
  if (const auto exact = parse_rfc3339(text)) return *exact;
  const auto local = local_of(text);
  if (!local)
    return fail(Code::kInvalid,
                "a time looks like 2026-12-24T18:00:00+01:00, or 2026-12-24 18:00 by the clock");
  const std::vector<sys_seconds> moments = zone.moments_of(*local);
  if (moments.empty()) return fail(Code::kInvalid, "clocks skip that time there");
  return WallTime(moments.front());
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() > word.size() && starts_with_ignoring_ascii_case(text, word) &&
         text[word.size()] == ' ';
}

}  // namespace

Result<When> When::parse(std::string_view text, const std::string& zone, WallTime now) {
  text = trim(text);
  if (text.empty()) return fail(Code::kInvalid, "it says no time");
  if (text.size() > Cron::text_bytes_max) return fail(Code::kInvalid, "it is too long");
  When when;
  when.zone_name_ = zone;
  SKEP_TRY(when.zone_, TimeZone::load(zone));
  if (starts_with_word(text, "every")) {
    SKEP_TRY(const Millis interval, duration_of(text.substr(6)));
    when.when_ = Every{interval, now};
    when.text_ = "every " + duration_text(interval);
    return when;
  }
  if (starts_with_word(text, "at") || starts_with_word(text, "in")) {
    const bool relative = starts_with_word(text, "in");
    WallTime time = now;
    if (relative) {
      SKEP_TRY(const Millis delay, duration_of(text.substr(3)));
      time += delay;
    } else {
      SKEP_TRY(time, moment_of(trim(text.substr(3)), when.zone_));
    }
    if (time > now + at_max) return fail(Code::kInvalid, "that is over a year away");
    when.when_ = At{time};
    when.text_ = "at " + format_rfc3339(time, true);
    return when;
  }
  SKEP_TRY(Cron cron, Cron::parse(text));
  when.text_ = cron.text();
  when.when_ = std::move(cron);
  return when;
}

std::optional<WallTime> When::next(WallTime after) const {
  if (const auto* at = std::get_if<At>(&when_))
    return at->time > after ? std::optional(at->time) : std::nullopt;
  if (const auto* every = std::get_if<Every>(&when_)) {
    if (after < every->from) return every->from + every->interval;
    return every->from + ((after - every->from) / every->interval + 1) * every->interval;
  }
  return std::get<Cron>(when_).next(after, zone_);
}

std::optional<WallTime> When::first(WallTime now) const {
  if (const auto* at = std::get_if<At>(&when_)) return at->time;
  return next(now);
}

When When::counted_from(WallTime from) const {
  When out = *this;
  if (auto* every = std::get_if<Every>(&out.when_)) every->from = from;
  return out;
}

Result<QuietHours> QuietHours::parse(std::string_view text, const std::string& zone) {
  const auto time_of = [](std::string_view part) -> std::optional<minutes> {
    part = trim(part);
    if (part.size() != 5 || part[2] != ':') return std::nullopt;
    const auto hour = number_of(part.substr(0, 2), 0, 23),
               minute = number_of(part.substr(3), 0, 59);
    if (!hour || !minute) return std::nullopt;
    return hours(*hour) + minutes(*minute);
  };
  QuietHours quiet;
  SKEP_TRY(quiet.zone_, TimeZone::load(zone));
  const std::size_t dash = text.find('-');
  const auto from = time_of(text.substr(0, dash));
  const auto to = dash == std::string_view::npos ? std::nullopt : time_of(text.substr(dash + 1));
  if (!from || !to || *from == *to)
    return fail(Code::kInvalid, "quiet hours look like \"22:00-06:30\"");
  quiet.from_ = *from;
  quiet.to_ = *to;
  return quiet;
}

bool QuietHours::at(WallTime time) const {
  const sys_seconds moment = std::chrono::floor<seconds>(time);
  const local_seconds local((moment + zone_.offset_at(moment)).time_since_epoch());
  const seconds of_day = local - std::chrono::floor<std::chrono::days>(local);
  if (from_ < to_) return of_day >= from_ && of_day < to_;
  return of_day >= from_ || of_day < to_;
}

// To the minute; the clocks may be set meanwhile.
WallTime QuietHours::end(WallTime time) const {
  WallTime at_minute = std::chrono::floor<minutes>(time);
  while (at(at_minute)) at_minute += minutes(1);
  return at_minute;
}

}  // namespace skep::schedule
