// What servers refuse with, and how each refusal is to be treated: the one table (RFC
// 6120 4.9.3, 6.5; XEP-0114 3).
#pragma once

#include <string>
#include <string_view>

#include "skep/xmpp/session.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsStreams = "http://etherx.jabber.org/streams";
inline constexpr std::string_view kNsSasl = "urn:ietf:params:xml:ns:xmpp-sasl";

// A connection that could not be made, broke, or carried bad XML. An identity that TLS refused is
// final.
SessionEnd end_of_transport(Error error);
// <stream:error/>.
SessionEnd end_of_stream_error(const Element& error, const XmppConfig& config);
// <failure/> of SASL.
SessionEnd end_of_sasl_failure(const Element& failure, const XmppConfig& config);

bool is_stream_error(const Element& element);
// The host of <see-other-host/>, else empty.
std::string other_host(const Element& stream_error);
// An iq's or other stanza's <error/> as one of ours.
Error error_of_stanza(const Element& stanza);

}  // namespace skep::xmpp
