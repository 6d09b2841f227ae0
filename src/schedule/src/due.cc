#include "skep/schedule/due.h"

#include <algorithm>

namespace skep::schedule {
namespace {

constexpr std::string_view kMissedNames[] = {"skip", "once", "all"};
constexpr std::chrono::hours kLookedAt{24 * 31};

// The first time that is worth looking at one by one: nobody wants more than missed_max of them.
WallTime first_of_interest(const When& when, WallTime next, WallTime now, std::size_t& dropped) {
  if (const Every* every = when.every()) {
    const auto behind = (now - next) / every->interval;
    const auto passed = std::max<std::int64_t>(0, behind - static_cast<std::int64_t>(missed_max));
    dropped += static_cast<std::size_t>(passed);
    return next + passed * every->interval;
  }
  if (when.once() || now - next <= kLookedAt) return next;
  return when.next(now - kLookedAt).value_or(next);
}

}  // namespace

std::string_view missed_name(Missed missed) {
  return kMissedNames[static_cast<std::size_t>(missed)];
}

std::optional<Missed> missed_from(std::string_view name) {
  const auto* at = std::ranges::find(kMissedNames, name);
  if (at == std::end(kMissedNames)) return std::nullopt;
  return static_cast<Missed>(at - std::begin(kMissedNames));
}

Due due(const When& when, WallTime next, WallTime now, WallTime alive, Missed missed) {
  Due out;
  std::vector<WallTime> late;
  std::optional<WallTime> live;
  std::optional<WallTime> time = next;
  if (next <= now) time = first_of_interest(when, next, now, out.dropped);
  std::size_t seen = 0;
  for (; time && *time <= now; time = when.next(*time)) {
    ++seen;
    if (*time >= alive) {
      live = time;
      continue;
    }
    late.push_back(*time);
    const std::size_t kept = missed == Missed::kAll ? missed_max : 1;
    if (late.size() > kept) late.erase(late.begin());
  }
  if (missed == Missed::kSkip) late.clear();
  if (missed == Missed::kOnce && live) late.clear();  // one run for all of them
  out.runs = std::move(late);
  if (live) out.runs.push_back(*live);
  out.dropped += seen - out.runs.size();
  out.next = time;
  return out;
}

}  // namespace skep::schedule
