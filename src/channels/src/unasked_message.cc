#include "skep/channels/unasked_message.h"

namespace skep::channels {
namespace {

constexpr std::string_view kUnasked = "unasked";  // in Message::meta

}  // namespace

Message unasked_message(const Unasked& unasked, const Name& channel, WallTime now) {
  Message message;
  message.id = unasked.id;
  message.trace = unasked.id.str();
  message.dst = channel;
  message.kind = Kind::kReply;
  message.sent_at = now;
  message.conversation = {.channel = "xmpp", .peer = unasked.to};
  message.parts = {TextPart{unasked.text}};
  message.meta[kUnasked] =
      json::object{{"from", unasked.from}, {"behalf_of", unasked.behalf_of}, {"to", unasked.to}};
  return message;
}

std::optional<Unasked> unasked_of(const Message& message) {
  const json::value* at = message.meta.if_contains(kUnasked);
  if (message.kind != Kind::kReply || at == nullptr || !at->is_object()) return std::nullopt;
  return Unasked{.id = message.id,
                 .from = std::string(get_string(*at, "from")),
                 .behalf_of = std::string(get_string(*at, "behalf_of")),
                 .to = std::string(get_string(*at, "to")),
                 .text = text_of(message.parts)};
}

}  // namespace skep::channels
