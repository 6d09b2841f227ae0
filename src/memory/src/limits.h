// What a limit says to the person who meets it. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "skep/memory/ledger.h"

namespace skep::memory {

// What was used where a limit is, and of which the limit is.
struct Meter {
  std::string_view whose;   // "You have", "I have", "Everybody together has"
  std::string_view period;  // "today", "this month", "in the last hour"
  std::string again;        // "It starts afresh in 3 hours."
};

std::string in_words(Millis time);  // "12 minutes", "3 hours", "6 days"

// The sentence when `more` would pass the limit; nothing: it fits, or there is none (0).
std::optional<std::string> over_tokens(const Meter& meter, std::int64_t limit, std::int64_t used,
                                       std::int64_t more);
std::optional<std::string> over_cost(const Meter& meter, PicoUsd limit, PicoUsd used, PicoUsd more);

}  // namespace skep::memory
