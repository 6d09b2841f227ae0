// Forms and commands that others send (XEP-0004, XEP-0050).
#include "skep/xmpp/dataform.h"

#include "skep/xmpp/caps.h"
#include "skep/xmpp/stanza.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto element = skep::xmpp::parse_element(text, skep::xmpp::kNsClient);
  if (!element) return 0;
  if (const auto values = skep::xmpp::read_submit(*element)) {
    if (values->size() > skep::xmpp::kFormFieldsMax) __builtin_trap();
  }
  if (const auto request = skep::xmpp::read_command(*element); request && request->form)
    (void)skep::xmpp::read_submit(*request->form);
  (void)skep::xmpp::caps_ver(*element);
  return 0;
}
