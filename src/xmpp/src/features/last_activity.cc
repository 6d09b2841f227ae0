// XEP-0012: Last Activity. For a component it is the time since its start; a client is asked how
// long it has been idle, and an agent always listens.
#include "features/register.h"

namespace skep::xmpp {

void add_last_activity(Features& features, const Identity& identity, const Clock& clock) {
  static constexpr std::string_view kNs = "jabber:iq:last";
  auto answer = [&clock, component = identity.component,
                 started = identity.started](const Element& iq) -> std::optional<Element> {
    if (!get_query(iq, "query", kNs)) return std::nullopt;
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(clock.now() - started).count();
    Element query("query", std::string(kNs));
    query.set("seconds", fmt::to_string(component ? std::max<std::int64_t>(up, 0) : 0));
    return iq_result(iq).add(std::move(query));
  };
  features.add(std::string(kNs), for_friends(identity, std::move(answer)));
}

}  // namespace skep::xmpp
