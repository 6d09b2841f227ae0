// Publish-subscribe (XEP-0060) and what people publish about themselves with it (XEP-0163): reading
// events, asking for items. Pure. Whose event counts is the caller's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsPubSub = "http://jabber.org/protocol/pubsub";
inline constexpr std::string_view kNsPubSubEvent = "http://jabber.org/protocol/pubsub#event";

inline constexpr std::size_t kItemsMax = 50;            // of one stanza; more are not read
inline constexpr std::size_t kItemIdBytesMax = 1024;    // a longer id is none
inline constexpr std::size_t kItemTextBytesMax = 8192;  // of one item's text

struct PubSubItem {
  std::string id;    // may be empty
  std::string text;  // its payload for people: see item_text()
  Element payload;
};
struct PubSubItems {
  std::string node;
  std::vector<PubSubItem> items;  // as the service has them
};
// An <event/> with items; nullopt when there is none. Retractions and purges give no items.
std::optional<PubSubItems> read_event(const Element& message);
// The answer to make_items_request().
std::optional<PubSubItems> read_items(const Element& answer);

// Readable: title, text, author and link of an Atom entry (RFC 4287), the text of a JSON container
// (XEP-0335), else the XML; cut.
std::string item_text(const Element& payload);

Element make_subscribe(const Jid& from, const Jid& service, const std::string& node);
Element make_items_request(const Jid& from, const Jid& service, const std::string& node,
                           std::size_t items_max);

}  // namespace skep::xmpp
