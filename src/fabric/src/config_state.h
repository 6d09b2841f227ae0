// One section of the hive's configuration at one version: a line of the log, and what routers tell
// each other. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "skep/fabric/config_log.h"

namespace skep::fabric {

enum class Section : std::uint8_t { kRoutes, kZones };
inline constexpr std::array kSections = {Section::kRoutes, Section::kZones};
// As text and with its headers it fits a frame.
inline constexpr std::size_t kSectionBytesMax = 98'304;

std::string_view section_name(Section section);                 // "routes", "zones"
std::optional<Section> section_of(std::string_view subsystem);  // also "vpn" and "vpns"

// The conflict rule: epoch, then version, then the origin's name.
bool is_newer(const ConfigVersion& a, const ConfigVersion& than);
json::value to_json_value(const ConfigVersion& version);
Result<ConfigVersion> version_from_json(const json::value& value);

struct ConfigState {
  Section section = Section::kRoutes;
  ConfigVersion version;
  std::vector<StaticRoute> routes;    // of kRoutes
  std::vector<ZoneRule> zones;        // of kZones
  std::string asked_by, asked_trace;  // who wanted it and is to hear of it; may be empty
  bool operator==(const ConfigState&) const = default;

  [[nodiscard]] json::value content() const;
  // Reads the section's text. kInvalid, kTooLarge.
  Result<void> read_content(const json::value& value);
  [[nodiscard]] bool same_content(const ConfigState& other) const {
    return routes == other.routes && zones == other.zones;
  }
};
json::value to_json_value(const ConfigState& state);
Result<ConfigState> state_from_json(const json::value& value);

// A line of the log without its newline: 16 hex digits of the SHA-256 of the JSON, a space, the
// JSON. kCorrupt when it is not what was written.
std::string config_line(const ConfigState& state);
Result<ConfigState> read_config_line(std::string_view line);

}  // namespace skep::fabric
