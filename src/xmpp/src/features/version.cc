// XEP-0092: Software Version. The operating system is nobody's business and left out.
#include "features/register.h"

namespace skep::xmpp {

void add_version(Features& features, const Identity& identity) {
  static constexpr std::string_view kNs = "jabber:iq:version";
  auto answer = [software = identity.software,
                 version = identity.version](const Element& iq) -> std::optional<Element> {
    if (!get_query(iq, "query", kNs)) return std::nullopt;
    Element query("query", std::string(kNs));
    query.add(Element("name", query.ns).text(software));
    query.add(Element("version", query.ns).text(version));
    return iq_result(iq).add(std::move(query));
  };
  features.add(std::string(kNs), for_friends(identity, std::move(answer)));
}

}  // namespace skep::xmpp
