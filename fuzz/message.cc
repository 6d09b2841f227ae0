// What people write about messages: ids, references, fallback ranges, copies.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "copies.h"
#include "skep/xmpp/pubsub.h"
#include "skep/xmpp/references.h"
#include "skep/xmpp/signals.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto stanza = skep::xmpp::parse_element(text, skep::xmpp::kNsClient);
  if (!stanza) return 0;
  const auto account = skep::xmpp::Jid::parse("bot@example.org").value();
  const auto copy = skep::channels::unwrap(*stanza, account);
  const auto& message = copy ? copy->stanza : *stanza;
  (void)skep::xmpp::read_references(message);
  if (const auto event = skep::xmpp::read_event(message)) {
    for (const auto& item : event->items) {
      if (item.text.size() > skep::xmpp::kItemTextBytesMax) __builtin_trap();
      const auto kind = skep::xmpp::signal_of(event->node);
      const std::string said = kind ? skep::xmpp::signal_text(*kind, item.payload) : std::string();
      if (said.size() > skep::xmpp::kSignalBytesMax || said.contains('\n')) __builtin_trap();
    }
  }
  const auto chat = skep::xmpp::read_chat_message(message);
  if (!chat) return 0;
  const auto plain = skep::xmpp::without_fallback(message, chat->body, skep::xmpp::kNsReply);
  if (plain.text.size() + plain.fallback.size() != chat->body.size()) __builtin_trap();
  return 0;
}
