#include "skep/xmpp/pubsub.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

Element parsed(std::string_view xml) { return parse_element(xml, kNsClient).value(); }

std::optional<PubSubItems> event(std::string_view items) {
  return read_event(parsed(fmt::format(
      "<message><event xmlns='http://jabber.org/protocol/pubsub#event'>{}</event></message>",
      items)));
}

TEST(PubSub, ReadsTheItemsOfAnEvent) {
  const auto read = event(
      "<items node='builds'><item id='1'><entry xmlns='http://www.w3.org/2005/Atom'>"
      "<title>Build 7 is red</title><summary>linker</summary><author><name>ci</name></author>"
      "<link href='https://ci.ex/7'/></entry></item><item id='2'><json xmlns='urn:xmpp:json:0'>"
      "{\"a\":1}</json></item><item id='3'><x xmlns='urn:x'>y</x></item><item/></items>");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->node, "builds");
  ASSERT_EQ(read->items.size(), 4u);
  EXPECT_EQ(read->items[0].id, "1");
  EXPECT_EQ(read->items[0].text, "Build 7 is red\nlinker\nby ci\nhttps://ci.ex/7");
  EXPECT_EQ(read->items[1].text, "{\"a\":1}");
  EXPECT_EQ(read->items[2].text, "<x xmlns='urn:x'>y</x>");
  EXPECT_EQ(read->items[3].text, "");
}

TEST(PubSub, WhatIsNoEventWithItemsIsNone) {
  EXPECT_FALSE(read_event(parsed("<message><body>x</body></message>")));
  EXPECT_FALSE(event("<purge node='builds'/>"));
  EXPECT_FALSE(
      read_event(parsed("<message><event xmlns='other'><items node='n'/></event></message>")));
  const auto retracted = event("<items node='builds'><retract id='1'/></items>");
  ASSERT_TRUE(retracted);
  EXPECT_TRUE(retracted->items.empty());
}

TEST(PubSub, AFloodInOneStanzaIsCut) {
  std::string items = "<items node='n'>";
  for (int i = 0; i < 500; ++i) items += fmt::format("<item id='{}'/>", i);
  EXPECT_EQ(event(items + "</items>")->items.size(), kItemsMax);
  const auto large = event("<items node='n'><item id='1'><x xmlns='urn:x'>" +
                           std::string(100'000, 'y') + "</x></item></items>");
  EXPECT_EQ(large->items.front().text.size(), kItemTextBytesMax);
  const auto odd = event("<items node='n'><item id='" + std::string(5000, 'i') + "'/></items>");
  EXPECT_EQ(odd->items.front().id, "");
}

TEST(PubSub, AsksAsTheSpecificationSays) {
  const Jid own = Jid::parse("bot@ex.test").value();
  const Jid service = Jid::parse("pubsub.ex.test").value();
  EXPECT_EQ(make_subscribe(own, service, "n"),
            parsed("<iq from='bot@ex.test' to='pubsub.ex.test' type='set'><pubsub "
                   "xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' "
                   "jid='bot@ex.test'/></pubsub></iq>"));
  EXPECT_EQ(make_items_request(own, service, "n", 50),
            parsed("<iq from='bot@ex.test' to='pubsub.ex.test' type='get'><pubsub "
                   "xmlns='http://jabber.org/protocol/pubsub'><items node='n' "
                   "max_items='50'/></pubsub></iq>"));
}

}  // namespace
}  // namespace skep::xmpp
