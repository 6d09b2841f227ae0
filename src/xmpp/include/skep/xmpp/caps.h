// XEP-0115: Entity Capabilities. Pure.
#pragma once

#include <string>
#include <string_view>

#include "skep/xmpp/xml.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsCaps = "http://jabber.org/protocol/caps";
inline constexpr std::string_view kNsDiscoInfo = "http://jabber.org/protocol/disco#info";
inline constexpr std::string_view kNsDiscoItems = "http://jabber.org/protocol/disco#items";
inline constexpr std::string_view kCapsNode = "urn:skep:agent";  // names the software

// The verification string of a disco#info <query/> (5.1): base64 of SHA-1 over its identities,
// features and forms.
std::string caps_ver(const Element& query);

}  // namespace skep::xmpp
