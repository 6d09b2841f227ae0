#include "copies.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using How = Unwrapped::How;

struct Wrapper {
  const Element* element = nullptr;
  How how = How::kDirect;
};

Wrapper wrapper_of(const Element& stanza) {
  if (const Element* found = stanza.child("received", xmpp::kNsCarbons))
    return {found, How::kReceivedCarbon};
  if (const Element* found = stanza.child("sent", xmpp::kNsCarbons))
    return {found, How::kSentCarbon};
  return {stanza.child("result", xmpp::kNsMam), How::kArchived};
}

// RFC 6120 8.1.2.1: without `from` it is our own account that speaks.
bool is_from(const Element& stanza, const xmpp::Jid& account) {
  if (account.empty()) return false;
  if (!stanza.has_attribute("from")) return true;
  const auto from = xmpp::Jid::parse(stanza.attribute("from"));
  return from && *from == account;
}

}  // namespace

Result<Unwrapped> unwrap(const Element& stanza, const xmpp::Jid& account) {
  const Wrapper wrapper = wrapper_of(stanza);
  if (wrapper.element == nullptr) return Unwrapped{.stanza = stanza};
  if (!is_from(stanza, account))
    return fail(Code::kDenied, "a copy that our own server did not make");
  const Element* forwarded = wrapper.element->child("forwarded", xmpp::kNsForward);
  const Element* message = forwarded ? forwarded->child("message", xmpp::kNsClient) : nullptr;
  if (message == nullptr) return fail(Code::kInvalid, "a copy of nothing");
  Unwrapped out{.how = wrapper.how, .stanza = *message};
  if (wrapper.how != How::kArchived) return out;
  out.query = wrapper.element->attribute("queryid");
  out.archive_id = wrapper.element->attribute("id");
  if (const Element* delay = forwarded->child("delay", xmpp::kNsDelay)) out.stanza.add(*delay);
  return out;
}

}  // namespace skep::channels
