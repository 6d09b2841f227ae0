#include "skep/base/local_time.h"

#include <cstdlib>
#include <ctime>

#include "skep/base/time_zone.h"

namespace skep {
namespace {

struct Place {
  std::int64_t offset = 0;
  std::string name = "UTC";
};

Place system_place(std::int64_t now) {
  std::time_t seconds = now;
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return {};
  return {local.tm_gmtoff, local.tm_zone == nullptr ? "local" : local.tm_zone};
}

Place place_of(const std::string& zone, std::int64_t now) {
  if (zone.empty()) return system_place(now);
  const auto there = TimeZone::load(zone);
  if (!there) return {};
  return {there->offset_at(std::chrono::sys_seconds(std::chrono::seconds(now))).count(), zone};
}

}  // namespace

Result<void> check_time_zone(const std::string& zone) {
  SKEP_TRY_VOID(TimeZone::load(zone));
  return {};
}

std::chrono::seconds utc_offset(WallTime now, const std::string& zone) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  return std::chrono::seconds(place_of(zone, seconds).offset);
}

std::string local_time_text(WallTime now, const std::string& zone) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  Place place = place_of(zone, seconds);
  // format_for_people() ends with ", 08:00 UTC": the same calendar, shifted, with our own zone at
  // the end.
  std::string text = format_for_people(now + std::chrono::seconds(place.offset));
  if (text.ends_with(" UTC")) text.resize(text.size() - 4);
  if (place.offset == 0) return fmt::format("{} ({})", text, place.name);
  std::int64_t minutes = std::abs(place.offset) / 60;
  return fmt::format("{} ({}, UTC{}{:02}:{:02})", text, place.name, place.offset < 0 ? '-' : '+',
                     minutes / 60, minutes % 60);
}

}  // namespace skep
