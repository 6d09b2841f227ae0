// XEP-0199: XMPP Ping. Open to everybody: servers use it to see whether we live.
#include "features/register.h"

namespace skep::xmpp {

void add_ping(Features& features) {
  static constexpr std::string_view kNs = "urn:xmpp:ping";
  features.add(std::string(kNs), [](const Element& iq) -> std::optional<Element> {
    if (!get_query(iq, "ping", kNs)) return std::nullopt;
    return iq_result(iq);
  });
}

}  // namespace skep::xmpp
