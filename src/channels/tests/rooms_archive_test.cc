// After an absence: the room's archive first, then what was said meanwhile.
#include "rooms_test.h"

namespace skep::channels {
namespace {

using testing::kRoom;
using xmpp::Element;

class RoomsArchiveTest : public testing::RoomsTest {
 protected:
  RoomsArchiveTest() {
    config_.room_archive_file = home_ + "/room-archive.json";
    config_.rooms.front().activation = RoomConfig::Activation::kAll;
    config_.rooms.front().members = RoomConfig::Members::kEveryone;
  }
  // In the room, which says that it keeps an archive.
  void come_in() {
    const Element asked = question_after_join();
    answer(asked,
           "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:2'/>"
           "<feature var='urn:xmpp:sid:0'/></query>");
  }
  Element question_after_join() {
    join();
    let_in();
    end_history();
    return question("query", "http://jabber.org/protocol/disco#info");
  }
  static std::string stanza_id(std::string_view id) {
    return fmt::format("<stanza-id xmlns='urn:xmpp:sid:0' by='{}' id='{}'/>", kRoom, id);
  }
  void result(std::string_view query, std::string_view id, std::string_view text,
              std::string_view from = kRoom, std::string_view message_id = "") {
    send(fmt::format(
        "<message from='{}' to='helper-bot@agent.ex/skep'><result xmlns='urn:xmpp:mam:2' "
        "queryid='{}' id='{}'><forwarded xmlns='urn:xmpp:forward:0'><delay "
        "xmlns='urn:xmpp:delay' stamp='2023-11-14T22:00:00Z'/><message xmlns='jabber:client' "
        "from='{}/ann' type='groupchat' id='{}'><body>{}</body></message></forwarded></result>"
        "</message>",
        from, query, id, kRoom, message_id.empty() ? id : message_id, text));
  }
  // One message was heard, and then we were away.
  void after_an_absence() {
    online();
    come_in();
    settle();
    ann_says_there("before", "m0", stanza_id("s0"));
    EXPECT_EQ(text_of(next_message().parts), "before");
    close();
    EXPECT_EQ(next_named("presence").attribute("type"), "unavailable");
    open_journal();
    online();
    come_in();
  }
  Element archive_question() { return question("query", xmpp::kNsMam); }
  static std::string query_of(const Element& asked) {
    return std::string(asked.child("query", xmpp::kNsMam)->attribute("queryid"));
  }
};

TEST_F(RoomsArchiveTest, WhatWasSaidMeanwhileComesBeforeWhatIsSaidNow) {
  after_an_absence();
  const Element first = archive_question();
  EXPECT_EQ(first.attribute("to"), kRoom);
  EXPECT_NE(xmpp::to_xml(first).find("<after>s0</after>"), std::string::npos)
      << xmpp::to_xml(first);
  ann_says_there("now", "m9", stanza_id("s9"));
  result(query_of(first), "s1", "one");
  answer(first,
         "<fin xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><last>s1</last>"
         "</set></fin>");
  const Element second = archive_question();
  EXPECT_NE(xmpp::to_xml(second).find("<after>s1</after>"), std::string::npos);
  result(query_of(second), "s2", "two");
  result("forged", "s3", "three");
  result(query_of(second), "s4", "four", "other@conf.ex");
  result(query_of(second), "s9", "now", kRoom, "m9");
  answer(second, "<fin xmlns='urn:xmpp:mam:2' complete='true'/>");
  for (const char* text : {"one", "two"}) {
    const Message message = next_message();
    EXPECT_EQ(text_of(message.parts), text);
    EXPECT_TRUE(talk(message).listen) << "the past is not answered";
  }
  const Message now = next_message();
  EXPECT_EQ(text_of(now.parts), "now");
  EXPECT_FALSE(talk(now).listen) << "that the archive has it too makes it no past";
  settle();
  EXPECT_EQ(counter("from_archive"), 2);
}

TEST_F(RoomsArchiveTest, WhatIsSaidNowIsAnsweredAfterwards) {
  after_an_absence();
  const Element asked = archive_question();
  ann_says_there("now", "m9", stanza_id("s9"));
  settle();
  result(query_of(asked), "s1", "one");
  answer(asked, "<fin xmlns='urn:xmpp:mam:2' complete='true'/>");
  EXPECT_EQ(text_of(next_message().parts), "one");
  const Message now = next_message();
  EXPECT_EQ(text_of(now.parts), "now");
  EXPECT_FALSE(talk(now).listen);
}

TEST_F(RoomsArchiveTest, AnArchiveThatFailsHoldsNothingBack) {
  after_an_absence();
  const Element asked = archive_question();
  ann_says_there("now", "m9", stanza_id("s9"));
  settle();
  send(
      fmt::format("<iq type='error' id='{}' from='{}' to='{}'><error type='auth'><forbidden "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                  asked.attribute("id"), kRoom, asked.attribute("from")));
  EXPECT_EQ(text_of(next_message().parts), "now");
}

}  // namespace
}  // namespace skep::channels
