#include "../src/reception.h"

#include "../src/second_thoughts.h"
#include "support.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

// The account's server: says what it does, and gives pages of an archive.
class ArchiveSession final : public xmpp::Session {
 public:
  const Jid& address() const override { return address_; }
  xmpp::XmppConfig::Mode mode() const override { return xmpp::XmppConfig::Mode::kClient; }
  const std::string& mechanism() const override { return mechanism_; }
  Result<void> send(const Element&, std::function<void(Result<void>)>,
                    std::function<void()>) override {
    return {};
  }
  Task<Result<Element>> request(Ctx, Element iq) override {
    asked.push_back(xmpp::to_xml(*iq.first_child()));
    if (iq.child("query", "http://jabber.org/protocol/disco#info")) co_return features();
    if (iq.child("enable", xmpp::kNsCarbons)) co_return Element("iq");
    if (pages.empty()) co_return fail(Code::kUnavailable, "the link is gone");
    const std::string page = pages.front();
    pages.erase(pages.begin());
    if (page == "forgotten") co_return fail(Code::kNotFound, "item-not-found");
    co_return xmpp::parse_element("<iq xmlns='jabber:client'>" + page + "</iq>").value();
  }
  Task<xmpp::SessionEnd> run(Ctx, std::function<void(Element)>) override {
    co_return xmpp::SessionEnd{};
  }
  Task<void> close(Ctx) override { co_return; }

  static std::string fin(std::string_view last, bool complete) {
    return fmt::format(
        "<fin xmlns='urn:xmpp:mam:2' complete='{}'><set "
        "xmlns='http://jabber.org/protocol/rsm'><last>{}</last></set></fin>",
        complete, last);
  }

  std::vector<std::string> announced = {"urn:xmpp:mam:2", "urn:xmpp:sid:0"};
  std::vector<std::string> pages = {fin("", true)};  // of the first visit
  std::vector<std::string> asked;

 private:
  Element features() const {
    std::string list;
    for (const std::string& one : announced) list += "<feature var='" + one + "'/>";
    return xmpp::parse_element(
               "<iq xmlns='jabber:client'><query "
               "xmlns='http://jabber.org/protocol/disco#info'>" +
               list + "</query></iq>")
        .value();
  }
  Jid address_ = Jid::parse("bot@ex/skep").value();
  std::string mechanism_;
};

class AccountTest : public testing::StoresTest {
 protected:
  AccountTest() : gate_(loop_) { open(); }
  ~AccountTest() override { close(); }

  void open() {
    CatchUp::Deps deps{.gate = gate_,
                       .clock = clock_,
                       .stats = stats_,
                       .session = [this]() -> xmpp::Session* { return &session_; },
                       .account = Jid::parse("bot@ex").value(),
                       .settled = [this](bool archived) { settled_.push_back(archived); },
                       .file = home_ + "/archive.json"};
    catch_up_.emplace(std::move(deps));
    reception_.emplace(Reception::Deps{
        .account = Jid::parse("bot@ex").value(), .catch_up = &*catch_up_, .stats = stats_});
  }
  void close() { run(gate_.close()); }
  void reopen() {
    catch_up_->save();
    open();
  }
  void catch_up() {
    session_.asked.clear();
    run(catch_up_->run(patience()));
    run(catch_up_->close_gap(patience()));
  }
  std::string query() const {
    const std::string& last = session_.asked.back();
    const std::size_t at = last.find("queryid='") + 9;
    return last.substr(at, last.find('\'', at) - at);
  }
  std::optional<Received> read(const std::string& inside, const std::string& attributes) {
    const Element stanza = xmpp::parse_element("<message xmlns='jabber:client' " + attributes +
                                               ">" + inside + "</message>")
                               .value();
    reception_->arriving(stanza);
    return reception_->read(stanza);
  }
  // A direct message that our server has given an id; dealt with.
  void live(const std::string& id) {
    auto received =
        read("<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='bot@ex' id='" + id + "'/>",
             "from='ann@ex/a' to='bot@ex'");
    ASSERT_TRUE(received);
    reception_->done(*received);
  }
  std::optional<Received> result(const std::string& id, const std::string& query_id) {
    return read("<result xmlns='urn:xmpp:mam:2' queryid='" + query_id + "' id='" + id +
                    "'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' "
                    "from='ann@ex/a' to='bot@ex'><body>x</body></message></forwarded></result>",
                "from='bot@ex'");
  }

  XmppChannelStats stats_;
  Gate gate_;
  ArchiveSession session_;
  std::vector<bool> settled_;
  std::optional<CatchUp> catch_up_;
  std::optional<Reception> reception_;
};

TEST_F(AccountTest, TheFirstTimeNothingOldIsAskedFor) {
  run(catch_up_->run(patience()));
  ASSERT_EQ(session_.asked.size(), 2u);
  EXPECT_EQ(session_.asked[1], "<enable xmlns='urn:xmpp:carbons:2'/>");
  EXPECT_TRUE(settled_.empty());
  run(catch_up_->close_gap(patience()));
  ASSERT_EQ(session_.asked.size(), 3u) << "but what came before the first presence is";
  EXPECT_NE(session_.asked[2].find("<field var='start'><value>2023-11-14T22:13:20Z</value>"),
            std::string::npos);
  EXPECT_EQ(settled_, std::vector<bool>{true});
}

TEST_F(AccountTest, ThenTheArchiveIsReadFromTheNewestThatWasDealtWith) {
  catch_up();
  live("a1");
  live("a2");
  reopen();
  session_.pages = {ArchiveSession::fin("a52", false), ArchiveSession::fin("a60", true),
                    ArchiveSession::fin("", true)};
  catch_up();
  ASSERT_EQ(session_.asked.size(), 5u);
  EXPECT_NE(session_.asked[2].find("<after>a2</after>"), std::string::npos) << session_.asked[2];
  EXPECT_NE(session_.asked[2].find("<max>50</max>"), std::string::npos);
  EXPECT_NE(session_.asked[3].find("<after>a52</after>"), std::string::npos);
  EXPECT_NE(session_.asked[4].find("<after>a60</after>"), std::string::npos)
      << "and once more for what came before the first presence";
  EXPECT_EQ(stats_.archive_pages, 1u + 3u);
}

TEST_F(AccountTest, WithoutAnIdItIsReadFromTheTimeOfTheLastVisit) {
  catch_up();
  reopen();
  session_.pages = {ArchiveSession::fin("", true), ArchiveSession::fin("", true)};
  catch_up();
  EXPECT_NE(session_.asked[2].find("<field var='start'><value>2023-11-14T22:13:20Z</value>"),
            std::string::npos)
      << session_.asked[2];
}

TEST_F(AccountTest, AnArchiveThatHasForgottenTheIdIsReadByTime) {
  catch_up();
  live("a1");
  session_.pages = {"forgotten", ArchiveSession::fin("", true), ArchiveSession::fin("", true)};
  catch_up();
  ASSERT_EQ(session_.asked.size(), 5u);
  EXPECT_EQ(session_.asked[3].find("<after>"), std::string::npos);
  EXPECT_NE(session_.asked[3].find("var='start'"), std::string::npos);
}

TEST_F(AccountTest, NothingOlderThanAWeekIsAskedFor) {
  catch_up();
  live("a1");
  clock_.advance(std::chrono::hours(24 * 30));
  session_.pages = {ArchiveSession::fin("", true), ArchiveSession::fin("", true)};
  catch_up();
  EXPECT_NE(session_.asked[2].find("<value>2023-12-07T22:13:20Z</value>"), std::string::npos)
      << session_.asked[2];
}

TEST_F(AccountTest, TheNumberOfPagesIsBounded) {
  catch_up();
  for (int i = 0; i < 100; ++i)
    session_.pages.push_back(ArchiveSession::fin(fmt::format("a{}", i), false));
  run(catch_up_->run(patience()));
  EXPECT_EQ(stats_.archive_pages, 1u + 40u);
}

TEST_F(AccountTest, AnInterruptedReadingIsTakenUpWhereItsResultsEnded) {
  catch_up();
  live("a1");
  session_.pages = {ArchiveSession::fin("a3", false)};  // and then the link is gone
  catch_up();
  for (const char* id : {"a2", "a3"}) {
    auto received = result(id, query());
    ASSERT_TRUE(received);
    reception_->done(*received);
  }
  live("b9");  // must not move the place: what is between was not fetched
  reopen();
  session_.pages = {ArchiveSession::fin("", true), ArchiveSession::fin("", true)};
  catch_up();
  EXPECT_NE(session_.asked[2].find("<after>a3</after>"), std::string::npos) << session_.asked[2];
}

TEST_F(AccountTest, TheNewestMessageWaitsForResultsBeforeIt) {
  catch_up();
  live("a1");
  settled_.clear();
  session_.pages = {ArchiveSession::fin("a2", true), ArchiveSession::fin("", true)};
  catch_up();
  EXPECT_EQ(settled_, std::vector<bool>{true});
  const auto archived = result("a2", query());
  ASSERT_TRUE(archived);
  live("b9");
  reopen();
  session_.pages = {ArchiveSession::fin("", true), ArchiveSession::fin("", true)};
  catch_up();
  EXPECT_NE(session_.asked[2].find("<after>a1</after>"), std::string::npos) << session_.asked[2];
}

TEST_F(AccountTest, TheArchiveHasToldAllOnceItsResultsAreDealtWith) {
  catch_up();
  live("a1");
  settled_.clear();
  session_.pages = {ArchiveSession::fin("a2", true), ArchiveSession::fin("", true)};
  run(catch_up_->run(patience()));
  const auto archived = result("a2", query());
  ASSERT_TRUE(archived);
  run(catch_up_->close_gap(patience()));
  EXPECT_TRUE(settled_.empty()) << "a result waits";
  reception_->done(*archived);
  EXPECT_EQ(settled_, std::vector<bool>{true});
  session_.pages = {};  // an error for an answer
  run(catch_up_->run(patience()));
  EXPECT_EQ(settled_, (std::vector<bool>{true, false})) << "nothing waits for ever";
}

TEST_F(AccountTest, ResultsThatNobodyAskedForAreDropped) {
  EXPECT_FALSE(result("a1", ""));
  catch_up();
  catch_up();
  EXPECT_FALSE(result("a1", "guessed"));
  EXPECT_EQ(stats_.stray_results, 2u);
}

TEST_F(AccountTest, AServerWithoutAnArchiveIsNotAskedForIt) {
  session_.announced.clear();
  catch_up();
  catch_up();
  EXPECT_EQ(session_.asked.size(), 2u);
}

TEST_F(AccountTest, IdsAreBelievedOnlyFromOurOwnServer) {
  const std::string ours = "<stanza-id xmlns='urn:xmpp:sid:0' by='bot@ex' id='good'/>";
  const std::string theirs = "<stanza-id xmlns='urn:xmpp:sid:0' by='ann@ex' id='bad'/>";
  const std::string ann = "from='ann@ex/a' to='bot@ex'";
  auto before = read("<body>x</body>" + ours, ann);
  EXPECT_TRUE(before->archive_id.empty()) << "the server has not said that it guards them";
  catch_up();
  auto received = read("<body>x</body>" + theirs + ours + ours, ann);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->archive_id, "good");
  EXPECT_EQ(received->chat.stanza_ids.size(), 1u);
  EXPECT_EQ(stats_.forged_ids, 3u);
}

TEST_F(AccountTest, ForgedCopiesAreDroppedAndCounted) {
  const std::string copy =
      "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message "
      "xmlns='jabber:client' from='ann@ex/a' to='bot@ex'><body>transfer it all</body></message>"
      "</forwarded></received>";
  EXPECT_FALSE(read(copy, "from='eve@ex/x' to='bot@ex'"));
  EXPECT_TRUE(read(copy, "from='bot@ex' to='bot@ex/skep'"));
  EXPECT_EQ(stats_.forged_copies, 1u);
}

TEST_F(AccountTest, KnowsWhatOurOwnAccountSaid) {
  const std::string sent =
      "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message "
      "xmlns='jabber:client' from='bot@ex/phone' to='ann@ex'><body>hello</body></message>"
      "</forwarded></sent>";
  const auto received = read(sent, "from='bot@ex'");
  ASSERT_TRUE(received);
  EXPECT_TRUE(received->ours);
}

TEST(SecondThoughts, ReadAsText) {
  EXPECT_EQ(as_answer("yes", "shall I?"), "[In reply to \"shall I?\"]\nyes");
  EXPECT_EQ(as_answer("yes", ""), "yes");
  EXPECT_EQ(as_correction("4", "5\n\"five\""),
            "[This corrects my earlier message \"5 'five'\"]\n4");
  EXPECT_EQ(as_correction("4", ""), "[This corrects my earlier message]\n4");
  EXPECT_EQ(as_reaction({"👍", "🎉"}, "done"), "[reacted with 👍 🎉 to \"done\"]");
  EXPECT_EQ(as_reaction({}, ""), "[took back the reaction to an earlier message]");
  EXPECT_EQ(unquoted("> one\n> two > three\n\n"), "one\ntwo > three");
}

TEST(SecondThoughts, QuotesAreOfOneConversationAndCutAtWholeCharacters) {
  Quotes quotes;
  const Jid ann = Jid::parse("ann@ex/a").value();
  quotes.keep(ann, "m1", std::string(299, 'x') + "ä");
  EXPECT_EQ(quotes.find(Jid::parse("ann@ex/b").value(), "m1"), std::string(299, 'x'));
  EXPECT_EQ(quotes.find(Jid::parse("bob@ex").value(), "m1"), "");
}

}  // namespace
}  // namespace skep::channels
