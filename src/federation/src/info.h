// What an asker should know before it asks: the form beside disco#info (XEP-0128). Its fields are
// the table of section 2.2 of docs/protocol/agent-protocol.md; a test compares the two.
#pragma once

#include "skep/federation/config.h"
#include "skep/xmpp/xml.h"

namespace skep::federation {

// A field that has nothing to say is left out, but for `omemo`: silence there could mean anything.
xmpp::Element info_form(const FederationConfig& config);

}  // namespace skep::federation
