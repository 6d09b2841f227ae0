#include "skep/xmpp/stanza.h"

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::size_t kErrorTextBytesMax = 512;

Element addressed(std::string name, const Jid& from, const Jid& to) {
  Element stanza(std::move(name), std::string(kNsClient));
  if (!from.empty()) stanza.set("from", from.str());
  if (!to.empty()) stanza.set("to", to.str());
  return stanza;
}

void set_unless_empty(Element& stanza, std::string key, std::string_view value) {
  if (!value.empty()) stanza.set(std::move(key), std::string(value));
}

// The same addresses, seen from the other side. They are taken over letter by letter: the asker
// compares what it wrote.
Element reply_to(const Element& request, std::string type) {
  Element answer(request.name, std::string(kNsClient));
  set_unless_empty(answer, "from", request.attribute("to"));
  set_unless_empty(answer, "to", request.attribute("from"));
  set_unless_empty(answer, "id", request.attribute("id"));
  answer.set("type", std::move(type));
  return answer;
}

std::string_view error_type(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kCorrupt:
    case Code::kTooLarge:
      return "modify";
    case Code::kDenied:
    case Code::kUnauthenticated:
      return "auth";
    case Code::kUnavailable:
    case Code::kTimeout:
    case Code::kExhausted:
      return "wait";
    default:
      return "cancel";
  }
}

}  // namespace

Element make_message(const Jid& from, const Jid& to, std::string_view type, std::string_view id) {
  Element stanza = addressed("message", from, to);
  set_unless_empty(stanza, "type", type);
  set_unless_empty(stanza, "id", id);
  return stanza;
}

Element make_presence(const Jid& from, const Jid& to, std::string_view type) {
  Element stanza = addressed("presence", from, to);
  set_unless_empty(stanza, "type", type);
  return stanza;
}

Element make_iq(const Jid& from, const Jid& to, std::string_view type, std::string_view id) {
  Element stanza = addressed("iq", from, to);
  set_unless_empty(stanza, "type", type);
  set_unless_empty(stanza, "id", id);
  return stanza;
}

Element iq_result(const Element& request) { return reply_to(request, "result"); }

Element stanza_error(const Element& to, std::string_view condition, std::string_view type,
                     std::string_view text) {
  Element answer = reply_to(to, "error");
  Element error("error", std::string(kNsClient));
  error.set("type", std::string(type));
  error.add(Element(std::string(condition), std::string(kNsStanzas)));
  if (!text.empty()) {
    Element words("text", std::string(kNsStanzas));
    words.text(std::string(cut_utf8(text, kErrorTextBytesMax)));
    error.add(std::move(words));
  }
  answer.add(std::move(error));
  return answer;
}

Element stanza_error(const Element& to, const Error& error) {
  return stanza_error(to, xmpp_condition(error.code), error_type(error.code), error.message);
}

}  // namespace skep::xmpp
