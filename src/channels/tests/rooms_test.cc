#include "rooms_test.h"

namespace skep::channels {
namespace {

using testing::kRoom;
using testing::kUser;
using testing::reply_to;
using testing::RoomsTest;
using xmpp::Element;

TEST_F(RoomsTest, JoinsAndAnswersWhoMentionsIt) {
  config_.rooms[0].password = Secret("pw");
  config_.rooms[0].history_max = 7;
  online();
  const Element asked = join();
  EXPECT_EQ(asked.attribute("to"), "team@conf.ex/bot");
  EXPECT_EQ(asked.attribute("from"), "helper-bot@agent.ex/skep");
  const Element* x = asked.child("x", xmpp::kNsMuc);
  EXPECT_EQ(x->child_text("password", xmpp::kNsMuc), "pw");
  EXPECT_EQ(x->child("history", xmpp::kNsMuc)->attribute("maxstanzas"), "7");
  ann_comes();
  let_in();
  end_history();
  ann_says_there("nothing for anybody", "a1");
  ann_says_there("@BOT: really?", "a2");
  const Message noted = next_message();
  EXPECT_TRUE(talk(noted).listen);
  EXPECT_EQ(talk(noted).speaker, "ann");
  const Message question = next_message();
  EXPECT_EQ(talk(question),
            (RoomTalk{.speaker = "ann", .nick = "bot", .subject = "work", .people = 2}));
  EXPECT_EQ(question.conversation, (Conversation{"xmpp", "team@conf.ex", ""}));
  ASSERT_TRUE(channel_->deliver(reply_to(question, "yes")));
  const Element said = next_named("message");
  EXPECT_EQ(said.attribute("to"), "team@conf.ex");
  EXPECT_EQ(said.attribute("type"), "groupchat");
  EXPECT_EQ(body(said), "ann: yes");
  reflect(said);
  settle();
  EXPECT_EQ(counter("answered"), 1);
  EXPECT_EQ(journal_->size(), 0u);
  EXPECT_EQ(agent_.waiting(), 0u);  // it does not hear itself
}

TEST_F(RoomsTest, TriesOtherNicksAndKnowsItselfByTheOneItGot) {
  online();
  join();
  refuse("conflict");
  EXPECT_EQ(join().attribute("to"), "team@conf.ex/bot_2");
  presence("bot", "<item affiliation='member' role='participant'/>", "", "other");
  let_in("bot_2");
  end_history();
  says("bot", "bot_2: are you me?", "b1", "", "other");
  EXPECT_EQ(talk(next_message()).speaker, "bot");
  says("bot_2", "my own words about bot_2", "b2", "", "me");
  settle();
}

TEST_F(RoomsTest, ComesBackAfterAKickAndNotAfterABan) {
  inside();
  presence("bot", "<item affiliation='none' role='none'/><status code='307'/><status code='110'/>",
           "unavailable");
  join();
  let_in();
  presence("bot",
           "<item affiliation='outcast' role='none'><reason>noise</reason></item>"
           "<status code='301'/><status code='110'/>",
           "unavailable");
  const Element told = next_named("message");
  EXPECT_EQ(told.attribute("to"), "adm@ex");
  EXPECT_EQ(body(told), "I am no longer in the room team@conf.ex: we were banned: noise.");
  settle();
  EXPECT_EQ(state(), "stopped");
}

// A server that tells the room late of the end of the session that ours replaced.
TEST_F(RoomsTest, IsBackAtOnceWhenItsOldSessionsEndPutsItOut) {
  config_.room_times.rejoin_first = std::chrono::hours(1);
  config_.room_times.rejoin_max = std::chrono::hours(1);
  inside();
  presence("bot", "<item affiliation='none' role='none'/><status code='110'/>", "unavailable");
  join();
  ann_comes();
  let_in();
  end_history();
  ann_says_there("bot: there?", "a1");
  EXPECT_EQ(text_of(next_message().parts), "bot: there?");
}

TEST_F(RoomsTest, TriesAgainWhenTheRoomRefusesOrStaysSilent) {
  config_.room_times.join_timeout = Millis(5);
  online();
  join();
  join();  // nobody answered
  refuse("registration-required");
  join();
  refuse("forbidden");  // banned
  EXPECT_EQ(next_named("message").attribute("to"), "adm@ex");
}

TEST_F(RoomsTest, NotesTheHistoryOnceAndNeverAnswersIt) {
  constexpr std::string_view delay =
      "<delay xmlns='urn:xmpp:delay' from='team@conf.ex' stamp='2023-11-14T22:00:00Z'/>";
  online();
  join();
  ann_comes();
  let_in();
  ann_says_there("bot: before you came", "a1", delay);
  end_history();
  const Message noted = next_message();
  EXPECT_TRUE(talk(noted).listen);
  EXPECT_EQ(format_rfc3339(noted.sent_at), "2023-11-14T22:00:00Z");
  ann_says_there("bot: before you came", "a1", delay);
  settle();
  EXPECT_EQ(counter("duplicates"), 1);
  ann_says_there("bot: forged", "a2",
                 "<delay xmlns='urn:xmpp:delay' stamp='2023-11-14T22:13:00Z'/>");
  const Message live = next_message();  // nothing is history any more
  EXPECT_FALSE(talk(live).listen);
  EXPECT_EQ(live.sent_at, clock_.now());
  EXPECT_EQ(counter("forged_history"), 2);
}

TEST_F(RoomsTest, BelievesOccupantIdsOnlyOfRoomsThatGiveThem) {
  online();
  join();
  presence("ann", "<item affiliation='member' role='participant'/>");
  presence("eve", "<item affiliation='none' role='participant'/>");
  presence("bot", "<item affiliation='none' role='participant'/><status code='110'/>");
  end_history();
  says("ann", "first", "a1");
  says("eve", "bot: I am ann", "e1", "", "nick:ann");
  EXPECT_EQ(talk(next_message()).speaker, "ann");
  const Message forged = next_message();
  EXPECT_EQ(talk(forged).speaker, "eve");
  EXPECT_TRUE(talk(forged).listen);
  settle();
  EXPECT_EQ(counter("unauthorised"), 1);
}

// Until then people who come are sent away (XEP-0045 10.1.2).
TEST_F(RoomsTest, ANewRoomIsOpenedToOthersBeforeAnythingElse) {
  online();
  join();
  presence("bot",
           "<item affiliation='owner' role='moderator'/><status code='110'/><status code='201'/>",
           "", "me");
  const Element accepts = question("query", "http://jabber.org/protocol/muc#owner");
  EXPECT_EQ(accepts.attribute("type"), "set");
  settle();
  EXPECT_EQ(server_.unread(), 0u);
  answer(accepts, "");
  EXPECT_EQ(question("query", "http://jabber.org/protocol/disco#info").attribute("to"), kRoom);
  EXPECT_EQ(state(), "in");
}

TEST_F(RoomsTest, UsersAloneAreAnsweredWithTheirRole) {
  config_.allow.people = identity::People({{"Ann", Role::kViewer, {"ann@ex"}}});
  online();
  join();
  presence("ann", "<item affiliation='none' role='participant' jid='ann@ex/phone'/>");
  presence("mem", "<item affiliation='owner' role='moderator' jid='mem@ex/x'/>");
  let_in();
  end_history();
  says("ann", "bot: hello", "a1");
  const Message viewers = next_message();
  EXPECT_FALSE(talk(viewers).listen);
  EXPECT_EQ(role_in(viewers), Role::kViewer);
  says("mem", "bot: hello", "m1");  // an owner of the room is nobody of ours
  EXPECT_TRUE(talk(next_message()).listen);
}

TEST_F(RoomsTest, ARoomThatIsNamedStandsForItsSpeakers) {
  config_.allow.people = identity::People(
      {{"Team", Role::kUser, {std::string(kRoom)}}, {"Ann", Role::kOwner, {"ann@ex"}}});
  online();
  join();
  presence("ann", "<item affiliation='none' role='participant' jid='ann@ex/phone'/>");
  presence("mem", "<item affiliation='none' role='participant'/>");
  let_in();
  end_history();
  says("mem", "bot: hello", "m1");
  EXPECT_EQ(role_in(next_message()), Role::kUser);
  says("ann", "bot: hello", "a1");
  EXPECT_EQ(role_in(next_message()), Role::kOwner);
}

TEST_F(RoomsTest, AJoinThatNobodyAnswersIsTriedAgainAfterALittleAndLaterEachTime) {
  config_.room_times.join_first = Millis(20);
  config_.room_times.join_timeout = Millis(60'000);
  online();
  join();  // lost
  join();
  let_in();
  end_history();
  settle();
  EXPECT_EQ(state(), "in");
  EXPECT_EQ(server_.unread(), 1u);  // the question about the room's features
}

TEST_F(RoomsTest, TellsPeopleApartWhoHadTheSameNick) {
  inside();
  ann_says_there("one", "a1");
  presence("ann", "<item affiliation='member' role='none' nick='annie'/><status code='303'/>",
           "unavailable", "ann-id");
  presence("annie", "<item affiliation='member' role='participant'/>", "", "ann-id");
  presence("ann", "<item affiliation='none' role='participant'/>", "", "eve-id");
  says("ann", "two", "e1", "", "eve-id");
  says("annie", "three", "a3", "", "ann-id");
  says("annie", "four", "a4", "", "ann-id");
  EXPECT_EQ(talk(next_message()).speaker, "ann");
  EXPECT_EQ(talk(next_message()).speaker, "ann (2)");
  EXPECT_EQ(talk(next_message()).speaker, "annie (before ann)");
  EXPECT_EQ(talk(next_message()).speaker, "annie");
}

TEST_F(RoomsTest, AnswersProgramsAndCrowdsNoMoreThanAllowed) {
  config_.rooms[0].turns_per_minute = 1;
  inside();
  ann_says_there("bot: I am a program", "p1", "<auto xmlns='urn:fluux:agent:0#meta' depth='1'/>");
  EXPECT_TRUE(talk(next_message()).listen);
  ann_says_there("bot: one", "a1");
  EXPECT_FALSE(talk(next_message()).listen);
  ann_says_there("bot: two", "a2");
  EXPECT_TRUE(talk(next_message()).listen);
  const Element notice = next_named("message");
  EXPECT_TRUE(body(notice).starts_with("I begin at most 1 answers a minute")) << body(notice);
  EXPECT_NE(notice.child("auto", xmpp::kNsMeta), nullptr);
  ann_says_there("bot: three", "a3");
  EXPECT_TRUE(talk(next_message()).listen);
  settle();
  EXPECT_EQ(server_.unread(), 0u);  // one notice
  EXPECT_EQ(counter("automatic"), 1);
  EXPECT_EQ(counter("too_fast"), 2);
}

TEST_F(RoomsTest, IgnoresRoomsItIsNotIn) {
  online();
  join();
  says("ann", "bot: before the door opened", "a1");
  send("<message from='other@conf.ex/ann' type='groupchat' id='o1'><body>bot: hi</body></message>");
  send(
      "<presence from='other@conf.ex/bot'><x xmlns='http://jabber.org/protocol/muc#user'>"
      "<item affiliation='owner' role='moderator'/><status code='110'/></x></presence>");
  settle();
  EXPECT_EQ(counter("strays"), 2);
  EXPECT_EQ(muc().at("rooms").as_array().size(), 1u);
}

TEST_F(RoomsTest, HoldsNoMoreOccupantsThanItsTable) {
  online();
  join();
  let_in();
  std::string flood;
  for (int i = 0; i < 2'050; ++i)
    flood +=
        fmt::format("<presence from='{}/n{}'><x xmlns='{}'><item role='visitor'/></x></presence>",
                    kRoom, i, kUser);
  send(flood);
  end_history();
  settle();
  EXPECT_EQ(get_int(muc().at("rooms").as_array().at(0), "others"), 2'000);
  bool told = false;
  for (const std::string& line : channel_->status_lines(true))
    told = told || line.contains("50 presences over the limit of 2000");
  EXPECT_TRUE(told);
  says("n2049", "bot: I am real", "x1");
  EXPECT_TRUE(talk(next_message()).listen);
}

TEST_F(RoomsTest, AsksItselfWhetherItIsStillIn) {
  config_.room_times.self_ping = Millis(5);
  inside();
  Element ping = received();
  while (ping.child("ping", "urn:xmpp:ping") == nullptr) ping = received();
  EXPECT_EQ(ping.attribute("to"), "team@conf.ex/bot");
  const auto error = [&](std::string_view from) {
    return fmt::format(
        "<iq type='error' id='{}' from='{}' to='helper-bot@agent.ex/skep'>"
        "<error type='cancel'><not-acceptable "
        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        ping.attribute("id"), from);
  };
  send(error("eve@ex/x"));  // anybody may claim it
  settle();
  EXPECT_EQ(state(), "in");
  send(error("team@conf.ex/bot"));
  Element stanza = received();
  while (stanza.name != "presence") stanza = received();
  EXPECT_NE(stanza.child("x", xmpp::kNsMuc), nullptr);
}

TEST_F(RoomsTest, FollowsInvitationsOfPeopleItKnowsAndRemembersThem) {
  config_.rooms.clear();
  online();
  const auto invite = [](std::string_view room, std::string_view inviter) {
    return fmt::format(
        "<message from='{}' to='support@agent.ex'><x xmlns='{}'><invite from='{}'/>"
        "<password>pw</password></x></message>",
        room, kUser, inviter);
  };
  send(invite("party@conf.ex", "eve@ex/x"));
  EXPECT_EQ(next_named("message").attribute("to"), "party@conf.ex");  // declined
  send(invite("party@conf.evil", "ann@ex/phone"));                    // says the evil service
  EXPECT_EQ(next_named("message").attribute("to"), "party@conf.evil");
  send(
      "<message from='eve@ex/x' to='agent.ex'><x xmlns='jabber:x:conference' "
      "jid='b@conf.ex'/></message>");
  send(invite("party@conf.ex", "ann@ex/phone"));
  const Element asked = join();
  EXPECT_EQ(asked.attribute("to"), "party@conf.ex/Helper Bot");
  EXPECT_EQ(asked.attribute("from"), "support@agent.ex/skep");
  EXPECT_EQ(counter("declined"), 3);
  close();
  online();
  Element again = next();
  while (again.child("x", xmpp::kNsMuc) == nullptr) again = next();
  EXPECT_EQ(again.attribute("to"), "party@conf.ex/Helper Bot");
  EXPECT_EQ(again.child("x", xmpp::kNsMuc)->child_text("password", xmpp::kNsMuc), "pw");
  EXPECT_EQ(channel_->rooms_command("leave", "party@conf.ex"), "I have left party@conf.ex.");
  close();
  online();
  settle();
  EXPECT_EQ(muc().at("rooms").as_array().size(), 0u);
}

TEST_F(RoomsTest, FollowsNobodyWhoInvitesFromInsideARoom) {
  config_.allow.addresses = {"*"};
  config_.allow.domains = {"*"};
  inside();
  constexpr std::string_view invitation = "<x xmlns='jabber:x:conference' jid='trap@conf.evil'/>";
  ann_says_there("bot, come along", "i1", invitation);
  EXPECT_EQ(talk(next_message()).speaker, "ann");
  send(fmt::format("<message from='{}/ann' type='chat' id='i2'><body>psst</body>{}</message>",
                   kRoom, invitation));
  settle();
  EXPECT_EQ(counter("invited"), 0);
  EXPECT_EQ(muc().at("rooms").as_array().size(), 1u);
}

TEST_F(RoomsTest, AsksWhoWritesAtAMachinesPaceWhatItIs) {
  inside();
  for (const char* id : {"a1", "a2", "a3"}) {
    ann_says_there("bot: again", id);
    EXPECT_FALSE(talk(next_message()).listen);
  }
  Element question = received();
  while (question.attribute("to") != "team@conf.ex/ann") question = received();
  EXPECT_EQ(question.attribute("from"), "helper-bot@agent.ex/skep");
  send(
      fmt::format("<iq type='result' id='{}' from='team@conf.ex/ann' "
                  "to='helper-bot@agent.ex/skep'><query "
                  "xmlns='http://jabber.org/protocol/disco#info'><identity category='client' "
                  "type='bot'/></query></iq>",
                  question.attribute("id")));
  settle();
  ann_says_there("bot: again", "a4");
  EXPECT_TRUE(talk(next_message()).listen);
  EXPECT_EQ(counter("automatic"), 1);
}

}  // namespace
}  // namespace skep::channels
