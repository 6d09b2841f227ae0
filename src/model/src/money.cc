#include "skep/model/money.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace skep {

std::string format_usd(PicoUsd amount) {
  const bool negative = amount < 0;
  const auto pico = static_cast<std::uint64_t>(negative ? -amount : amount);
  constexpr auto kOne = static_cast<std::uint64_t>(kUsd);
  std::string fraction = fmt::format("{:012}", pico % kOne);
  while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
  return fmt::format("{}${}.{}", negative ? "-" : "", pico / kOne, fraction);
}

std::string usd_number(PicoUsd amount) {
  std::string text = format_usd(amount);
  std::erase(text, '$');
  return text;
}

std::optional<PicoUsd> parse_usd(std::string_view text) {
  constexpr std::size_t kWholeDigits = 7, kFractionDigits = 12;
  constexpr PicoUsd kMax = 1'000'000 * kUsd;
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string fraction(point == std::string_view::npos ? "0" : text.substr(point + 1));
  const auto digits = [](std::string_view part, std::size_t max) {
    return !part.empty() && part.size() <= max &&
           std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!digits(whole, kWholeDigits) || !digits(fraction, kFractionDigits)) return std::nullopt;
  fraction.resize(kFractionDigits, '0');
  std::int64_t dollars = 0, rest = 0;
  (void)std::from_chars(whole.data(), whole.data() + whole.size(), dollars);
  (void)std::from_chars(fraction.data(), fraction.data() + fraction.size(), rest);
  const PicoUsd amount = dollars * kUsd + rest;
  return amount <= kMax ? std::optional(amount) : std::nullopt;
}

}  // namespace skep
