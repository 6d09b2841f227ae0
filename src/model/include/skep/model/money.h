// Money.
#pragma once

#include <cstdint>
#include <string>

namespace skep {

// In 10^-12 US dollars: a token's price is a whole number of them, so sums are exact.
using PicoUsd = std::int64_t;
inline constexpr PicoUsd kUsd = 1'000'000'000'000;
std::string format_usd(
    PicoUsd amount);  // "$0.0123": two digits after the point, more where there is more

}  // namespace skep
