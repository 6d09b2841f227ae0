#include "cron_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "skep/base/text.h"

namespace skep::schedule {
namespace {

std::unexpected<Error> bad(const CronField& field, std::string_view text, std::string_view why) {
  return fail(Code::kInvalid,
              fmt::format("{} \"{}\": {}", field.what, cut_utf8(to_valid_utf8(text), 40), why));
}

Result<int> number_of(std::string_view text, const CronField& field, int max) {
  const auto named = std::ranges::find_if(
      field.names, [&](std::string_view name) { return equals_ignoring_ascii_case(name, text); });
  if (named != field.names.end()) return field.min + static_cast<int>(named - field.names.begin());
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || text.front() == '-') return bad(field, text, "expected a number, a name or *");
  if (value < field.min || value > max)
    return bad(field, text, fmt::format("must be from {} to {}", field.min, max));
  return value;
}

// "*", "5", "1-5", each perhaps with "/2".
Result<std::uint64_t> parse_item(std::string_view text, const CronField& field) {
  const std::size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const CronField steps{.what = field.what, .min = 1, .max = 1000, .names = {}};
    SKEP_TRY(step, number_of(text.substr(slash + 1), steps, 1000));
  }
  int from = field.min, to = field.max;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    SKEP_TRY(from, number_of(range.substr(0, dash), field, field.max));
    to = slash == std::string_view::npos ? from : field.max;
    if (dash != std::string_view::npos) {
      SKEP_TRY(to, number_of(range.substr(dash + 1), field, field.max));
      if (to == 0 && field.max == 7) to = 7;  // "fri-sun"
    }
    if (from > to) return bad(field, text, "the range runs backwards");
  }
  std::uint64_t bits = 0;
  for (int value = from; value <= to; value += step) bits |= std::uint64_t{1} << value;
  return bits;
}

}  // namespace

Result<std::uint64_t> parse_cron_field(std::string_view text, const CronField& field) {
  std::uint64_t bits = 0;
  for (std::string_view item : split(text, ',')) {
    if (item.empty()) return bad(field, text, "an entry of the list is empty");
    SKEP_TRY(const std::uint64_t more, parse_item(item, field));
    bits |= more;
  }
  return bits;
}

}  // namespace skep::schedule
