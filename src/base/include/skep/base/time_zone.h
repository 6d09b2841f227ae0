// A place's offset from UTC over time: the system's zone files (TZif, RFC 8536), since libstdc++ 12
// has no std::chrono::locate_zone (decisions/0037).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"

namespace skep {

// A value, cheap to copy; safe in all threads.
class TimeZone {
 public:
  TimeZone();  // UTC
  // `name`: an IANA name ("Europe/Paris") under /usr/share/zoneinfo; empty: the system's
  // (/etc/localtime, else UTC). kInvalid for a name that the system has not.
  static Result<TimeZone> load(const std::string& name);
  // The content of a zone file. kInvalid when it is none of version 2 or later. Any bytes will do.
  static Result<TimeZone> from_file(std::string_view bytes, std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }  // "" for the system's
  // East of UTC is positive. Beyond the file's last change its rule holds.
  [[nodiscard]] std::chrono::seconds offset_at(std::chrono::sys_seconds moment) const;
  // When clocks there show `local`: once as a rule, twice where they are set back (the earlier one
  // first), never where they are set forward.
  [[nodiscard]] std::vector<std::chrono::sys_seconds> moments_of(
      std::chrono::local_seconds local) const;

 private:
  struct Table;
  std::string name_ = "UTC";
  std::shared_ptr<const Table> table_;  // null: UTC
};

}  // namespace skep
