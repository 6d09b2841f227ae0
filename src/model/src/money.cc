#include "skep/model/money.h"

#include <fmt/format.h>

namespace skep {

std::string format_usd(PicoUsd amount) {
  const bool negative = amount < 0;
  const auto pico = static_cast<std::uint64_t>(negative ? -amount : amount);
  constexpr auto kOne = static_cast<std::uint64_t>(kUsd);
  std::string fraction = fmt::format("{:012}", pico % kOne);
  while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
  return fmt::format("{}${}.{}", negative ? "-" : "", pico / kOne, fraction);
}

}  // namespace skep
