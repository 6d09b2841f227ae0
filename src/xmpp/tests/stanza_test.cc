#include "skep/xmpp/stanza.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

Element stanza(std::string_view xml) { return parse_element(xml, kNsClient).value(); }
std::string xml_of(const Element& element) { return to_xml(element, kNsClient); }
ChatMessage message(std::string_view xml, std::string_view lang = {}) {
  return read_chat_message(stanza(xml), lang).value();
}

TEST(Stanza, BuildersLeaveOutWhatIsEmpty) {
  const Jid ann = Jid::parse("ann@ex.test").value();
  EXPECT_EQ(xml_of(make_message({}, ann, "chat", "1")),
            "<message to='ann@ex.test' type='chat' id='1'/>");
  EXPECT_EQ(xml_of(make_presence({}, {}, "")), "<presence/>");
  EXPECT_EQ(xml_of(make_iq(ann, {}, "get", "7")), "<iq from='ann@ex.test' type='get' id='7'/>");
}

TEST(Stanza, AnswersSwapAddressesAndKeepTheId) {
  const Element iq =
      stanza("<iq from='Ann@ex.test/a' to='bot.ex.test' type='get' id='7'><q xmlns='u'/></iq>");
  EXPECT_EQ(xml_of(iq_result(iq)),
            "<iq from='bot.ex.test' to='Ann@ex.test/a' id='7' type='result'/>");
  EXPECT_EQ(xml_of(stanza_error(iq, "item-not-found", "cancel", "no such thing")),
            "<iq from='bot.ex.test' to='Ann@ex.test/a' id='7' type='error'><error type='cancel'>"
            "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
            "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no such thing</text></error></iq>");
}

TEST(Stanza, ErrorsOfOursBecomeConditions) {
  const Element m = stanza("<message from='a@b' to='c@d' id='1'/>");
  const Element answer = stanza_error(m, Error{Code::kExhausted, "try later"});
  EXPECT_EQ(answer.attribute("type"), "error");
  EXPECT_EQ(answer.child("error", kNsClient)->attribute("type"), "wait");
  EXPECT_EQ(answer.child("error", kNsClient)->first_child()->name,
            xmpp_condition(Code::kExhausted));
}

TEST(ChatMessage, ReadsWhatTheAgentNeeds) {
  const ChatMessage m = message(
      "<message from='ann@ex.test/a' to='bot@ex.test' id='m1' type='chat' "
      "xml:lang='en'><body>hi</body>"
      "<thread parent='p'>t</thread><active xmlns='http://jabber.org/protocol/chatstates'/>"
      "<request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='o1'/>"
      "<delay xmlns='urn:xmpp:delay' stamp='2026-03-02T08:00:00Z'/>"
      "<x xmlns='jabber:x:oob'><url>https://a/1</url></x><x "
      "xmlns='jabber:x:oob'><url>https://a/2</url></x>"
      "</message>");
  EXPECT_EQ(m.from.str(), "ann@ex.test/a");
  EXPECT_EQ(m.to.str(), "bot@ex.test");
  EXPECT_EQ(m.id, "m1");
  EXPECT_EQ(m.type, "chat");
  EXPECT_EQ(m.body, "hi");
  EXPECT_TRUE(m.has_body);
  EXPECT_EQ(m.thread, "t");
  EXPECT_EQ(m.parent_thread, "p");
  EXPECT_EQ(m.lang, "en");
  EXPECT_EQ(m.chat_state, "active");
  EXPECT_TRUE(m.wants_receipt);
  EXPECT_EQ(m.origin_id, "o1");
  ASSERT_TRUE(m.delay);
  EXPECT_EQ(format_rfc3339(*m.delay), "2026-03-02T08:00:00Z");
  EXPECT_EQ(m.files, (std::vector<SharedFile>{{.url = "https://a/1", .name = "1"},
                                              {.url = "https://a/2", .name = "2"}}));
  EXPECT_FALSE(m.carbon);
  EXPECT_FALSE(m.automatic);
}

TEST(ChatMessage, ChecksNamespaces) {
  const ChatMessage m = message(
      "<message from='a@b'><composing xmlns='urn:other'/><body xmlns='urn:other'>x</body>"
      "<request xmlns='urn:other'/><delay stamp='2026-03-02T08:00:00Z'/></message>");
  EXPECT_EQ(m.chat_state, "");
  EXPECT_FALSE(m.has_body);
  EXPECT_FALSE(m.wants_receipt);
  EXPECT_FALSE(m.delay);
  EXPECT_EQ(m.type, "normal");
}

TEST(ChatMessage, ChoosesTheBodyByLanguage) {
  const std::string_view xml =
      "<message from='a@b' xml:lang='fr'><body>salut</body><body xml:lang='de'>hallo</body>"
      "<body xml:lang='en'>hello</body></message>";
  EXPECT_EQ(message(xml).body, "salut");
  EXPECT_EQ(message(xml, "de-AT").body, "hallo");
  EXPECT_EQ(message(xml, "en").lang, "en");
  EXPECT_EQ(message(xml, "ja").body, "salut");
}

TEST(ChatMessage, KnowsErrorsReceiptsCarbonsAndAutomats) {
  EXPECT_EQ(message("<message from='a@b' type='error'><error type='cancel'><text "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>gone</text><gone "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
                .error_condition,
            "gone");
  EXPECT_EQ(message("<message from='a@b'><received xmlns='urn:xmpp:receipts' id='m1'/></message>")
                .receipt_for,
            "m1");
  EXPECT_TRUE(message("<message from='a@b'><sent xmlns='urn:xmpp:carbons:2'><forwarded "
                      "xmlns='urn:xmpp:forward:0'/>"
                      "</sent></message>")
                  .carbon);
  EXPECT_TRUE(
      message("<message from='a@b'><meta xmlns='urn:fluux:agent:0#meta'/></message>").automatic);
}

TEST(ChatMessage, RefusesWithoutAValidSender) {
  EXPECT_FALSE(read_chat_message(stanza("<message><body>x</body></message>")));
  EXPECT_FALSE(read_chat_message(stanza("<message from='@'/>")));
  EXPECT_FALSE(read_chat_message(stanza("<presence from='a@b'/>")));
}

TEST(ChatMessage, TakesABoundedNumberOfUrls) {
  std::string xml = "<message from='a@b'>";
  for (int i = 0; i < 100; ++i)
    xml += "<x xmlns='jabber:x:oob'><url>u" + std::to_string(i) + "</url></x>";
  EXPECT_EQ(message(xml + "</message>").files.size(), 16u);
}

}  // namespace
}  // namespace skep::xmpp
