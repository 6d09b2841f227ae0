// One field of a cron expression.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "skep/base/result.h"

namespace skep::schedule {

struct CronField {
  std::string_view what;  // "the hour"
  int min = 0, max = 59;
  std::span<const std::string_view> names;  // of min, min + 1, …
};
// Bit n is set when n is meant. "1,10-20/5,mon". kInvalid with the reason.
Result<std::uint64_t> parse_cron_field(std::string_view text, const CronField& field);

}  // namespace skep::schedule
