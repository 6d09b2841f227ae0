// Addresses: what is accepted is its own normal form.
#include "skep/xmpp/jid.h"

#include <cstdlib>

using skep::xmpp::Jid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto jid = Jid::parse({reinterpret_cast<const char*>(data), size});
  if (!jid) return 0;
  const auto again = Jid::parse(jid->str());
  if (!again || *again != *jid) std::abort();
  if (jid->ascii_domain().empty() || jid->bare().str().find('/') != std::string::npos) std::abort();
  return 0;
}
