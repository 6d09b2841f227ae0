#include "skep/xmpp/muc.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

Element parse(std::string_view xml) { return parse_element(xml, kNsClient).value(); }
MucMessage message_of(std::string_view xml) {
  const Element stanza = parse(xml);
  return read_muc_message(stanza, read_chat_message(stanza).value());
}

TEST(Muc, ReadsWhoAnOccupantIs) {
  const auto presence = read_muc_presence(parse(
      "<presence from='team@conf.ex/Ann'><occupant-id xmlns='urn:xmpp:occupant-id:0' id='o1'/>"
      "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' "
      "role='moderator' jid='Ann@Ex/Phone'/><status code='110'/><status code='201'/>"
      "<status code='many'/></x></presence>"));
  ASSERT_TRUE(presence);
  EXPECT_EQ(presence->from.resource(), "Ann");
  EXPECT_EQ(presence->affiliation, "owner");
  EXPECT_EQ(presence->role, "moderator");
  EXPECT_EQ(presence->real.str(), "ann@ex");
  EXPECT_EQ(presence->occupant_id, "o1");
  EXPECT_EQ(presence->status, (std::set<int>{110, 201}));
}

TEST(Muc, KnowsNoMoreRightsThanTheSpecification) {
  const auto presence = read_muc_presence(
      parse("<presence from='team@conf.ex/Ann'><x xmlns='http://jabber.org/protocol/muc#user'>"
            "<item affiliation='emperor' role='god'/></x></presence>"));
  EXPECT_EQ(presence->affiliation, "none");
  EXPECT_EQ(presence->role, "none");
}

TEST(Muc, ReadsHowARoomEnds) {
  const auto presence = read_muc_presence(
      parse("<presence from='team@conf.ex/bot' type='unavailable'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/>"
            "<destroy jid='new@conf.ex'><reason>moved</reason><password>p</password></destroy>"
            "</x></presence>"));
  EXPECT_TRUE(presence->destroyed);
  EXPECT_EQ(presence->alternate.str(), "new@conf.ex");
  EXPECT_EQ(presence->alternate_password, "p");
  EXPECT_EQ(presence->reason, "moved");
}

TEST(Muc, ReadsWhyAJoinFailed) {
  const auto presence = read_muc_presence(
      parse("<presence from='team@conf.ex/bot' type='error'><error type='cancel'>"
            "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"));
  EXPECT_EQ(presence->error_condition, "conflict");
}

TEST(Muc, BelievesStanzaIdsOfTheRoomOnly) {
  const MucMessage message = message_of(
      "<message from='team@conf.ex/ann' type='groupchat'><body>x</body>"
      "<stanza-id xmlns='urn:xmpp:sid:0' by='evil.ex' id='forged'/>"
      "<stanza-id xmlns='urn:xmpp:sid:0' by='team@conf.ex' id='s1'/></message>");
  EXPECT_EQ(message.stanza_id, "s1");
  EXPECT_FALSE(message.has_subject);
}

TEST(Muc, TakesTheQuotedFallbackOutOfAReply) {
  const MucMessage message = message_of(
      "<message from='team@conf.ex/ann' type='groupchat'><body>&gt; grüß\nyes</body>"
      "<reply xmlns='urn:xmpp:reply:0' to='team@conf.ex/bot' id='s9'/>"
      "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='7'/>"
      "</fallback></message>");
  EXPECT_EQ(message.reply_to_id, "s9");
  EXPECT_EQ(message.body, "yes");
}

TEST(Muc, IgnoresFallbackRangesThatMakeNoSense) {
  const Element stanza = parse(
      "<message><fallback xmlns='urn:xmpp:fallback:0' for='f'><body start='2' end='1'/>"
      "<body start='0' end='99'/><body start='-1' end='2'/><body start='1' end='2'/></fallback>"
      "</message>");
  EXPECT_EQ(without_fallback(stanza, "abc", "f"), "ac");
  EXPECT_EQ(without_fallback(stanza, "abc", "g"), "abc");
}

TEST(Muc, ReadsBothKindsOfInvitation) {
  const auto mediated = read_muc_invite(
      parse("<message from='team@conf.ex'><x xmlns='http://jabber.org/protocol/muc#user'>"
            "<invite from='ann@ex/phone'><reason>come</reason></invite><password>p</password></x>"
            "</message>"));
  ASSERT_TRUE(mediated);
  EXPECT_TRUE(mediated->mediated);
  EXPECT_EQ(mediated->room.str(), "team@conf.ex");
  EXPECT_EQ(mediated->inviter.str(), "ann@ex/phone");
  EXPECT_EQ(mediated->password, "p");
  const auto direct = read_muc_invite(
      parse("<message from='ann@ex/phone'><x xmlns='jabber:x:conference' jid='team@conf.ex'/>"
            "</message>"));
  ASSERT_TRUE(direct);
  EXPECT_FALSE(direct->mediated);
  EXPECT_EQ(direct->inviter.str(), "ann@ex/phone");
}

TEST(Muc, RefusesInvitationsThatNameNoRoom) {
  EXPECT_FALSE(read_muc_invite(
      parse("<message from='ann@ex'><x xmlns='jabber:x:conference' jid='conf.ex'/></message>")));
  EXPECT_FALSE(read_muc_invite(
      parse("<message from='team@conf.ex/ann'><x xmlns='http://jabber.org/protocol/muc#user'>"
            "<invite from='ann@ex'/></x></message>")));  // an occupant speaks, not the room
  EXPECT_FALSE(read_muc_invite(parse("<message from='ann@ex'><body>x</body></message>")));
}

TEST(Muc, JoinsWithPasswordAndLittleHistory) {
  const auto join = make_muc_join({.from = Jid::parse("helper@agent.ex/skep").value(),
                                   .room = Jid::parse("team@conf.ex").value(),
                                   .nick = "Helper",
                                   .password = "p",
                                   .history_max = 20});
  ASSERT_TRUE(join);
  EXPECT_EQ(to_xml(*join, kNsClient),
            "<presence from='helper@agent.ex/skep' to='team@conf.ex/Helper'>"
            "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='20'/>"
            "<password>p</password></x></presence>");
  EXPECT_FALSE(make_muc_join({.room = Jid::parse("team@conf.ex").value(), .nick = ""}));
}

TEST(Mention, IsTheWholeWordInAnyCase) {
  for (const char* text : {"@bot hi", "bot: hi", "BOT hi", "hi, Bot!", "(bot)", "bot"})
    EXPECT_TRUE(contains_word(text, "bot")) << text;
  for (const char* text : {"robotics", "@botany", "bothered", "", "bot_2", "böt", "> bot: said"})
    EXPECT_FALSE(contains_word(text, "bot")) << text;
  EXPECT_TRUE(contains_word("fragt ÜNAL。", "ünal"));
  EXPECT_FALSE(contains_word("äünal", "ünal"));
  EXPECT_TRUE(contains_word("x big bot y", "Big Bot"));
  EXPECT_FALSE(contains_word("anything", ""));
  EXPECT_FALSE(contains_word("bot \xff", "bot"));
}

TEST(Mention, IsTakenOffTheFront) {
  EXPECT_EQ(after_address("@Bot: /ping", "bot"), "/ping");
  EXPECT_EQ(after_address(" BOT, hi", "bot"), "hi");
  EXPECT_EQ(after_address("bot", "bot"), "");
  EXPECT_EQ(after_address("ÜNAL: x", "ünal"), "x");
  EXPECT_FALSE(after_address("botany", "bot"));
  EXPECT_FALSE(after_address("hi bot", "bot"));
  EXPECT_FALSE(after_address("", "bot"));
}

}  // namespace
}  // namespace skep::xmpp
