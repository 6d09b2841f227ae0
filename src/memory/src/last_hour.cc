#include "last_hour.h"

#include <algorithm>

namespace skep::memory {

void LastHour::add(WallTime at, const Spend& spend) {
  const WallTime begin = std::chrono::floor<std::chrono::minutes>(at);
  auto place = std::ranges::lower_bound(minutes_, begin, {}, &Minute::begin);
  if (place == minutes_.end() || place->begin != begin) place = minutes_.insert(place, {begin, {}});
  place->spend += spend;
  const auto passed = [&](const Minute& minute) { return gone(minute) <= begin; };
  while (passed(minutes_.front())) minutes_.pop_front();
}

// What lies ahead was noted by a clock that was wrong.
void LastHour::forget(WallTime now) {
  std::erase_if(minutes_, [now](const Minute& minute) {
    return gone(minute) <= now || minute.begin > now + std::chrono::minutes(1);
  });
}

Spend LastHour::sum(WallTime now) {
  forget(now);
  Spend sum;
  for (const Minute& minute : minutes_) sum += minute.spend;
  return sum;
}

Millis LastHour::until(WallTime now, std::int64_t left, std::int64_t (*of)(const Spend& spend)) {
  std::int64_t there = of(sum(now));
  for (const Minute& minute : minutes_) {
    there -= of(minute.spend);
    if (there <= std::max<std::int64_t>(left, 0))
      return std::chrono::ceil<Millis>(gone(minute) - now);
  }
  return Millis(0);
}

}  // namespace skep::memory
