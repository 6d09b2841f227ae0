#include "skep/base/time_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "posix_zone.h"

namespace skep {

using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

constexpr std::size_t kZoneFileBytesMax = 256u << 10;
constexpr std::size_t kHeaderBytes = 44;
constexpr std::size_t kTypeBytes = 6;
constexpr std::int64_t kOffsetMax = 26 * 3600;  // RFC 8536: less than that

// Big-endian numbers at an offset of a TZif file; nullopt beyond its end.
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
    if (!value || *value < 0 || *value > static_cast<std::int64_t>(kZoneFileBytesMax))
      return std::nullopt;
    values[i] = static_cast<std::size_t>(*value);
  }
  return Counts{values[0], values[1], values[2], values[3], values[4], values[5]};
}

bool is_zone_name(std::string_view zone) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  };
  return !zone.empty() && zone.front() != '/' && zone.size() <= 128 &&
         std::ranges::all_of(zone, allowed);
}

std::optional<std::string> zone_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes(kZoneFileBytesMax, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

}  // namespace

struct TimeZone::Table {
  struct Change {
    std::int64_t since, offset;
  };
  std::int64_t first = 0;  // before the first change
  std::vector<Change> changes;
  std::optional<PosixZone> rule;  // after the last one

  [[nodiscard]] std::int64_t offset_at(std::int64_t moment) const {
    const auto next = std::ranges::upper_bound(changes, moment, {}, &Change::since);
    if (next == changes.end() && rule) return rule->offset_at(moment);
    return next == changes.begin() ? first : std::prev(next)->offset;
  }
};

TimeZone::TimeZone() = default;

// The 64-bit block of a version 2+ file; the older one in front of it is skipped.
Result<TimeZone> TimeZone::from_file(std::string_view file, std::string name) {
  const auto bad = [&] { return fail(Code::kInvalid, fmt::format("{} is no zone file", name)); };
  const auto old = counts_at(file, 0);
  if (!old || file.size() < 5 || file[4] < '2') return bad();
  const std::size_t block = kHeaderBytes + old->times * 5 + old->types * kTypeBytes + old->letters +
                            old->leaps * 8 + old->standard + old->utc;
  const auto counts = counts_at(file, block);
  if (!counts || counts->types == 0) return bad();
  const std::size_t times = block + kHeaderBytes;
  const std::size_t indices = times + counts->times * 8;
  const std::size_t types = indices + counts->times;
  const auto type_offset = [&](std::int64_t type) -> std::optional<std::int64_t> {
    if (type < 0 || static_cast<std::size_t>(type) >= counts->types) return std::nullopt;
    const auto offset = number_at(file, types + static_cast<std::size_t>(type) * kTypeBytes, 4);
    if (!offset || *offset <= -kOffsetMax || *offset >= kOffsetMax) return std::nullopt;
    return offset;
  };
  auto table = std::make_shared<Table>();
  const auto first = type_offset(0);
  if (!first) return bad();
  table->first = *first;
  for (std::size_t i = 0; i < counts->times; ++i) {
    const auto since = number_at(file, times + 8 * i, 8);
    const auto index = number_at(file, indices + i, 1);
    const auto offset = index ? type_offset(*index & 0xff) : std::nullopt;
    if (!since || !offset) return bad();
    if (!table->changes.empty() && *since <= table->changes.back().since) return bad();
    table->changes.push_back({*since, *offset});
  }
  const std::size_t end = types + counts->types * kTypeBytes + counts->letters +
                          counts->leaps * 12 + counts->standard + counts->utc;
  if (end < file.size() && file[end] == '\n') {
    const std::string_view footer = file.substr(end + 1);
    table->rule = PosixZone::parse(footer.substr(0, footer.find('\n')));
  }
  TimeZone zone;
  zone.name_ = std::move(name);
  zone.table_ = std::move(table);
  return zone;
}

Result<TimeZone> TimeZone::load(const std::string& name) {
  if (name.empty()) {
    const auto bytes = zone_file("/etc/localtime");
    auto zone = bytes ? from_file(*bytes, {}) : Result<TimeZone>(TimeZone());
    return zone ? *zone : TimeZone();
  }
  const auto bytes = is_zone_name(name) ? zone_file("/usr/share/zoneinfo/" + name) : std::nullopt;
  auto zone = bytes ? from_file(*bytes, name) : Result<TimeZone>(fail(Code::kInvalid, ""));
  if (zone) return zone;
  return fail(
      Code::kInvalid,
      fmt::format("no time zone \"{}\" on this system (names look like \"Europe/Paris\")", name));
}

seconds TimeZone::offset_at(sys_seconds moment) const {
  return seconds(table_ ? table_->offset_at(moment.time_since_epoch().count()) : 0);
}

// Between two days there is at most one change.
std::vector<sys_seconds> TimeZone::moments_of(local_seconds local) const {
  const sys_seconds as_utc{local.time_since_epoch()};
  const seconds before = offset_at(as_utc - hours(24)), after = offset_at(as_utc + hours(24));
  std::vector<sys_seconds> moments;
  for (const seconds offset : {std::max(before, after), std::min(before, after)}) {
    const sys_seconds moment = as_utc - offset;
    if (offset_at(moment) == offset && (moments.empty() || moments.back() != moment))
      moments.push_back(moment);
  }
  return moments;
}

}  // namespace skep
