// What others may see of an address: its card (XEP-0054), its picture (XEP-0084, XEP-0153). Pure.
#pragma once

#include <optional>

#include "entrypoints.h"
#include "skep/xmpp/stanza.h"

namespace skep::channels {

inline constexpr std::string_view kNsVcard = "vcard-temp";
inline constexpr std::string_view kNsVcardUpdate = "vcard-temp:x:update";
inline constexpr std::string_view kNsPubsub = "http://jabber.org/protocol/pubsub";

xmpp::Element vcard_of(const Entrypoint& entrypoint);
// For presence: the picture's hash; an empty one says that there is none.
xmpp::Element vcard_update(const Entrypoint& entrypoint);
// The answer to a question for the items of the picture's two nodes; nullopt: it asks for something
// else, or there is no picture.
std::optional<xmpp::Element> avatar_answer(const xmpp::Element& iq, const Entrypoint& entrypoint);

}  // namespace skep::channels
