#include "skep/channels/presence_config.h"

#include "skep/base/text.h"

namespace skep::channels {
namespace {

std::optional<int> minute_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t at : {0u, 1u, 3u, 4u}) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + text[1] - '0';
  const int minute = (text[3] - '0') * 10 + text[4] - '0';
  if (hour > 24 || minute > 59 || hour * 60 + minute > 24 * 60) return std::nullopt;
  return hour * 60 + minute;
}

}  // namespace

Result<QuietHours> QuietHours::parse(std::string_view text) {
  const auto dash = text.find('-');
  if (dash != std::string_view::npos) {
    const auto from = minute_of(trim(text.substr(0, dash)));
    const auto to = minute_of(trim(text.substr(dash + 1)));
    if (from && to) return QuietHours{*from, *to};
  }
  return fail(Code::kInvalid, "expected two times, like \"22:00-07:00\"");
}

PresenceConfig PresenceConfig::read(ConfigSection root) {
  using namespace std::chrono_literals;
  PresenceConfig config;
  ConfigSection section = root.child("presence");
  section.read("greeting", config.greeting);
  section.read("prompt", config.prompt);
  section.read_duration("offline_minutes", 1min, config.offline_min);
  section.read_duration("pause_hours", 1h, config.pause);
  section.read_duration("deferred_hours", 1h, config.deferred_max);
  if (config.deferred_max > std::chrono::hours(24 * 30))
    section.problem("deferred_hours", "at most 720");
  std::string quiet;
  if (section.read("quiet_hours", quiet) && !quiet.empty()) {
    auto hours = QuietHours::parse(quiet);
    if (hours) {
      config.quiet = *hours;
    } else {
      section.problem("quiet_hours", hours.error().message);
    }
  }
  root.child("agent").read("time_zone", config.time_zone);
  return config;
}

}  // namespace skep::channels
