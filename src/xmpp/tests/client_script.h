// The server's side of a client's login, as lines of a script for FakeServer.
#pragma once

#include <string>
#include <vector>

#include "fake_server.h"

namespace skep::xmpp::testing {

inline const std::string kOpen = "C to='ex.test' version='1.0'>";
inline const std::string kHead =
    "S <?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns='jabber:client' from='ex.test' id='1' version='1.0'>";

inline std::string features(std::string_view inside) {
  return fmt::format("<stream:features>{}</stream:features>", inside);
}

inline const std::string kStartTlsFeature =
    features("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>");
inline const std::string kBindFeature = features(
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
    "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>");
inline const std::string kManagedFeature =
    features("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>");
inline const std::string kBound =
    "S <iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    "<jid>bot@ex.test/skep</jid></bind></iq>";

inline std::string mechanisms(std::vector<std::string> names) {
  std::string list;
  for (const auto& name : names) list += "<mechanism>" + name + "</mechanism>";
  return features("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + list + "</mechanisms>");
}

inline Script joined(Script script, const Script& more) {
  script.insert(script.end(), more.begin(), more.end());
  return script;
}

inline Script to_tls() {
  return {kOpen,
          kHead + kStartTlsFeature,
          "C <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
          "S <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
          "TLS",
          kOpen};
}

inline Script to_login(std::vector<std::string> names) {
  return joined(to_tls(), {kHead + mechanisms(std::move(names))});
}

inline Script to_bound() {
  return joined(
      to_login({"PLAIN", "SCRAM-SHA-256"}),
      {"SCRAM", kOpen, kHead + kBindFeature, "C <resource>skep</resource></bind></iq>", kBound});
}

// Up to the stream features after the login; what follows is bound, resumed or refused.
inline Script to_managed_features() {
  return joined(to_login({"SCRAM-SHA-256"}), {"SCRAM", kOpen, kHead + kManagedFeature});
}

// Bound, and the stream managed on these terms: "id='s1' resume='true'".
inline Script to_managed(const std::string& terms) {
  return joined(to_managed_features(), {"C <resource>skep</resource></bind></iq>", kBound,
                                        "C <enable xmlns='urn:xmpp:sm:3' resume='true'/>",
                                        "S <enabled xmlns='urn:xmpp:sm:3' " + terms + "/>"});
}

}  // namespace skep::xmpp::testing
