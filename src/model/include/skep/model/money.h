// Money.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skep {

// In 10^-12 US dollars: a token's price is a whole number of them, so sums are exact.
using PicoUsd = std::int64_t;
inline constexpr PicoUsd kUsd = 1'000'000'000'000;
std::string format_usd(
    PicoUsd amount);  // "$0.0123": two digits after the point, more where there is more
// The same as a bare number, for other programs: "0.0123".
std::string usd_number(PicoUsd amount);
// Digits, and at most twelve behind a point; up to a million dollars. nullopt: it is none.
std::optional<PicoUsd> parse_usd(std::string_view text);

}  // namespace skep
