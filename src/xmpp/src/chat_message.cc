// What the agent needs of a <message/>: one walk over its children.
#include <array>

#include "skep/base/text.h"
#include "skep/xmpp/stanza.h"

namespace skep::xmpp {
namespace {

constexpr std::size_t kStanzaIdsMax = 8;  // more claims than that are not read
constexpr std::array<std::string_view, 5> kChatStates = {"active", "composing", "paused",
                                                         "inactive", "gone"};

// How well a body's language meets the wish: 2 exactly, 1 the same primary language ("de" for
// "de-AT"), else 0.
int language_rank(std::string_view lang, std::string_view preferred) {
  if (lang.empty() || preferred.empty()) return 0;
  if (equals_ignoring_ascii_case(lang, preferred)) return 2;
  const auto primary = [](std::string_view tag) { return tag.substr(0, tag.find('-')); };
  return equals_ignoring_ascii_case(primary(lang), primary(preferred)) ? 1 : 0;
}

class Reader {
 public:
  Reader(const Element& stanza, std::string_view preferred)
      : stanza_(stanza), preferred_(preferred) {}

  Result<ChatMessage> read() {
    SKEP_TRY(message_.from, Jid::parse(stanza_.attribute("from")));
    if (stanza_.has_attribute("to")) {
      SKEP_TRY(message_.to, Jid::parse(stanza_.attribute("to")));
    }
    message_.id = stanza_.attribute("id");
    message_.type = type();
    message_.lang = stanza_.attribute("xml:lang");
    for (const Element* child : stanza_.children()) take(*child);
    message_.files = read_shared_files(stanza_);
    return std::move(message_);
  }

 private:
  // RFC 6121 5.2.2: an unknown type is "normal".
  std::string type() const {
    const std::string_view said = stanza_.attribute("type");
    for (const std::string_view known : {"chat", "groupchat", "headline", "error"}) {
      if (said == known) return std::string(said);
    }
    return "normal";
  }

  void take(const Element& child) {
    if (child.ns == kNsClient) return take_core(child);
    if (child.ns == kNsChatStates) return take_chat_state(child);
    if (child.ns == kNsReceipts) return take_receipt(child);
    if (child.ns == kNsDelay && child.name == "delay") return take_delay(child);
    if (child.ns == kNsStanzaId) take_stanza_id(child);
    if (child.ns == kNsMeta) message_.automatic = true;
    if (child.ns == kNsCarbons && child.child("forwarded", kNsForward)) message_.carbon = true;
  }

  void take_core(const Element& child) {
    if (child.name == "body") take_body(child);
    if (child.name == "error") take_error(child);
    if (child.name == "thread" && message_.thread.empty()) {
      message_.thread = child.text();
      message_.parent_thread = child.attribute("parent");
    }
  }

  void take_body(const Element& child) {
    const std::string_view own = child.attribute("xml:lang");
    const std::string_view lang = own.empty() ? stanza_.attribute("xml:lang") : own;
    const int rank = language_rank(lang, preferred_);
    if (message_.has_body && rank <= body_rank_) return;
    body_rank_ = rank;
    message_.has_body = true;
    message_.body = child.text();
    message_.lang = lang;
  }

  void take_error(const Element& child) {
    for (const Element* reason : child.children()) {
      if (reason->ns != kNsStanzas || reason->name == "text") continue;
      message_.error_condition = reason->name;
      return;
    }
  }

  void take_chat_state(const Element& child) {
    if (std::ranges::find(kChatStates, child.name) != kChatStates.end())
      message_.chat_state = child.name;
  }

  void take_receipt(const Element& child) {
    if (child.name == "request") message_.wants_receipt = true;
    if (child.name == "received") message_.receipt_for = child.attribute("id");
  }

  void take_stanza_id(const Element& child) {
    const std::string_view id = child.attribute("id");
    if (child.name == "origin-id") message_.origin_id = id;
    if (child.name != "stanza-id" || id.empty() || message_.stanza_ids.size() >= kStanzaIdsMax)
      return;
    message_.stanza_ids.push_back(
        {Jid::parse(child.attribute("by")).value_or(Jid()), std::string(id)});
  }

  // The first stamp is the oldest: the server nearest to the sender wrote it.
  void take_delay(const Element& child) {
    if (!message_.delay) message_.delay = parse_rfc3339(child.attribute("stamp"));
  }

  const Element& stanza_;
  std::string_view preferred_;
  ChatMessage message_;
  int body_rank_ = 0;
};

}  // namespace

Result<ChatMessage> read_chat_message(const Element& stanza, std::string_view preferred_lang) {
  if (stanza.name != "message" || stanza.ns != kNsClient) {
    return fail(Code::kInvalid, "not a message stanza");
  }
  return Reader(stanza, preferred_lang).read();
}

}  // namespace skep::xmpp
