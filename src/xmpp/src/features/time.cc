// XEP-0202: Entity Time.
#include <ctime>

#include "features/register.h"

namespace skep::xmpp {
namespace {

// The machine's offset from UTC at `now`: "+01:00".
std::string zone_offset(WallTime now) {
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm local{};
  localtime_r(&seconds, &local);
  const long minutes = local.tm_gmtoff / 60;
  const long distance = std::abs(minutes);
  return fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', distance / 60, distance % 60);
}

}  // namespace

void add_time(Features& features, const Identity& identity, const Clock& clock) {
  static constexpr std::string_view kNs = "urn:xmpp:time";
  auto answer = [&clock](const Element& iq) -> std::optional<Element> {
    if (!get_query(iq, "time", kNs)) return std::nullopt;
    const WallTime now = clock.now();
    Element time("time", std::string(kNs));
    time.add(Element("tzo", time.ns).text(zone_offset(now)));
    time.add(Element("utc", time.ns).text(format_rfc3339(now)));
    return iq_result(iq).add(std::move(time));
  };
  features.add(std::string(kNs), for_friends(identity, std::move(answer)));
}

}  // namespace skep::xmpp
