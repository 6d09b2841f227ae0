// Each feature's one door: it adds itself to the table.
#pragma once

#include "skep/xmpp/features.h"

namespace skep::xmpp {

void add_ping(Features& features);
void add_version(Features& features, const Identity& identity);
void add_disco(Features& features, const Identity& identity);
void add_time(Features& features, const Identity& identity, const Clock& clock);
void add_last_activity(Features& features, const Identity& identity, const Clock& clock);

// `responder` for those whom identity.may_ask names; others learn nothing, as if the feature were
// absent. A request without `from` comes from our own server.
IqResponder for_friends(const Identity& identity, IqResponder responder);

// The child of an iq get when it is <name xmlns='ns'/>, else nullptr.
const Element* get_query(const Element& iq, std::string_view name, std::string_view ns);

}  // namespace skep::xmpp
