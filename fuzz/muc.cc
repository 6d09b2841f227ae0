// What rooms say: whatever a stanza holds, reading it gives bounded values, and a text never grows.
#include "skep/xmpp/muc.h"

#include <cstdlib>

using namespace skep::xmpp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto stanza = parse_element({reinterpret_cast<const char*>(data), size}, kNsClient);
  if (!stanza) return 0;
  if (const auto presence = read_muc_presence(*stanza)) {
    if (presence->status.size() > 16 || presence->occupant_id.size() > 256) std::abort();
    if (!presence->real.is_bare() || !presence->alternate.is_bare()) std::abort();
  }
  if (const auto invite = read_muc_invite(*stanza)) {
    if (invite->room.local().empty() || !invite->room.is_bare()) std::abort();
    (void)to_xml(make_muc_decline(Jid(), *invite, "no"));
  }
  const auto chat = read_chat_message(*stanza);
  if (!chat) return 0;
  const MucMessage message = read_muc_message(*stanza, *chat);
  if (message.body.size() > chat->body.size() || message.stanza_id.size() > 256) std::abort();
  const std::string& nick = chat->from.resource();
  (void)contains_word(message.body, nick);
  const auto rest = after_address(message.body, nick);
  if (rest && rest->size() > message.body.size()) std::abort();
  return 0;
}
