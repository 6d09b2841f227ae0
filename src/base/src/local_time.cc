#include "skep/base/local_time.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <optional>

namespace skep {
namespace {

constexpr std::size_t kZoneFileBytesMax = 256u << 10;
constexpr std::size_t kHeaderBytes = 44;

// Big-endian numbers at an offset of a TZif file (RFC 8536); nullopt beyond its end.
std::optional<std::int64_t> number_at(std::string_view file, std::size_t at, std::size_t bytes) {
  if (at > file.size() || file.size() - at < bytes) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value = value << 8 | static_cast<unsigned char>(file[at + i]);
  return bytes == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
}

struct Counts {
  std::size_t utc = 0, standard = 0, leaps = 0, times = 0, types = 0, letters = 0;
};
std::optional<Counts> counts_at(std::string_view file, std::size_t at) {
  if (at > file.size() || !file.substr(at).starts_with("TZif")) return std::nullopt;
  std::size_t values[6];
  for (std::size_t i = 0; i < 6; ++i) {
    auto value = number_at(file, at + 20 + 4 * i, 4);
    if (!value || *value < 0) return std::nullopt;
    values[i] = static_cast<std::size_t>(*value);
  }
  return Counts{values[0], values[1], values[2], values[3], values[4], values[5]};
}

// Seconds east of UTC at `now`, from the 64-bit block of a version 2+ file.
std::optional<std::int64_t> offset_in(std::string_view file, std::int64_t now) {
  auto old = counts_at(file, 0);
  if (!old || file.size() < 5 || file[4] < '2') return std::nullopt;
  std::size_t block = kHeaderBytes + old->times * 5 + old->types * 6 + old->letters +
                      old->leaps * 8 + old->standard + old->utc;
  auto counts = counts_at(file, block);
  if (!counts) return std::nullopt;
  std::size_t times = block + kHeaderBytes;
  std::size_t indices = times + counts->times * 8;
  std::int64_t type = 0;
  for (std::size_t i = 0; i < counts->times; ++i) {
    auto since = number_at(file, times + 8 * i, 8);
    if (!since) return std::nullopt;
    if (*since > now) break;
    auto index = number_at(file, indices + i, 1);
    if (!index) return std::nullopt;
    type = *index;
  }
  return number_at(file, indices + counts->times + static_cast<std::size_t>(type) * 6, 4);
}

bool is_zone_name(const std::string& zone) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  };
  return !zone.empty() && zone.front() != '/' && std::ranges::all_of(zone, allowed);
}

std::optional<std::int64_t> zone_offset(const std::string& zone, std::int64_t now) {
  if (!is_zone_name(zone)) return std::nullopt;
  std::ifstream file("/usr/share/zoneinfo/" + zone, std::ios::binary);
  std::string bytes(kZoneFileBytesMax, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return offset_in(bytes, now);
}

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
  auto offset = zone_offset(zone, now);
  return offset ? Place{*offset, zone} : Place{};
}

}  // namespace

Result<void> check_time_zone(const std::string& zone) {
  if (zone.empty() || zone_offset(zone, 0)) return {};
  return fail(
      Code::kInvalid,
      fmt::format("no time zone \"{}\" on this system (names look like \"Europe/Paris\")", zone));
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
