// The wall clock of a place.
#pragma once

#include <string>

#include "skep/base/clock.h"
#include "skep/base/result.h"

namespace skep {

// "Monday, 2 March 2026, 09:00 (Europe/Paris, UTC+01:00)". `zone` is an IANA name; empty: the
// system's zone. An unknown zone falls back to UTC (open() has refused it before).
std::string local_time_text(WallTime now, const std::string& zone);
// How far the zone is ahead of UTC at that moment; 0 for an unknown one. Reads the zone's file.
std::chrono::seconds utc_offset(WallTime now, const std::string& zone);
// kInvalid when the system has no such zone.
Result<void> check_time_zone(const std::string& zone);

}  // namespace skep
