#include "send_rates.h"

#include <algorithm>

namespace skep::tools {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

void drop_before(std::deque<WallTime>& times, WallTime first) {
  while (!times.empty() && times.front() <= first) times.pop_front();
}

}  // namespace

void SendRates::drop_old(WallTime now) {
  drop_before(all_, now - hours(1));
  for (auto& [contact, times] : by_contact_) drop_before(times, now - hours(1));
  std::erase_if(by_contact_, [](const auto& one) { return one.second.empty(); });
}

std::optional<std::string> SendRates::take(const std::string& to, WallTime now) {
  drop_old(now);
  if (quiet_until_ && now < *quiet_until_)
    return fmt::format(
        "a limit was reached; nothing is sent for another {} s",
        std::chrono::duration_cast<std::chrono::seconds>(*quiet_until_ - now).count() + 1);
  const auto last_minute =
      std::ranges::count_if(all_, [&](WallTime at) { return at > now - minutes(1); });
  std::string reached;
  if (last_minute >= config_.per_minute)
    reached = fmt::format("{} messages a minute", config_.per_minute);
  else if (static_cast<int>(all_.size()) >= config_.per_hour)
    reached = fmt::format("{} messages an hour", config_.per_hour);
  else if (static_cast<int>(by_contact_[to].size()) >= config_.per_contact_per_hour)
    reached = fmt::format("{} messages an hour to one contact", config_.per_contact_per_hour);
  else if (by_contact_.size() > kContactsMax)
    reached = fmt::format("{} contacts an hour", kContactsMax);
  if (!reached.empty()) {
    quiet_until_ = now + config_.cooldown;
    return fmt::format("the limit of {} is reached; wait {} s", reached,
                       config_.cooldown.count() / 1000);
  }
  all_.push_back(now);
  by_contact_[to].push_back(now);
  return std::nullopt;
}

}  // namespace skep::tools
