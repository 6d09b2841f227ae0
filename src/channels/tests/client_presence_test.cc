#include "../src/presence.h"
#include "support.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

// An account's session whose server has the given roster.
class RosterSession final : public xmpp::Session {
 public:
  const Jid& address() const override { return address_; }
  xmpp::XmppConfig::Mode mode() const override { return xmpp::XmppConfig::Mode::kClient; }
  const std::string& mechanism() const override { return mechanism_; }
  Result<void> send(const Element&, std::function<void(Result<void>)>,
                    std::function<void()>) override {
    return {};
  }
  Task<Result<Element>> request(Ctx, Element iq) override {
    Element answer = xmpp::make_iq({}, {}, "result", iq.attribute("id"));
    answer.add(
        xmpp::parse_element("<query xmlns='jabber:iq:roster'>" + roster + "</query>").value());
    co_return answer;
  }
  Task<xmpp::SessionEnd> run(Ctx, std::function<void(Element)>) override {
    co_return xmpp::SessionEnd{};
  }
  Task<void> close(Ctx) override { co_return; }

  std::string roster;

 private:
  Jid address_ = Jid::parse("helper@ex/skep").value();
  std::string mechanism_;
};

class ClientPresenceTest : public testing::StoresTest {
 protected:
  ClientPresenceTest() : gate_(loop_) {
    config_.link.mode = xmpp::XmppConfig::Mode::kClient;
    config_.link.jid = "helper@ex";
    config_.allow = {.addresses = {"ann@ex", "bob@ex", "@team.ex"},
                     .own_domains = {"ex", "team.ex"}};
    admission_.emplace(config_, *journal_, clock_, stats_);
    PresenceDeps deps{
        .admission = *admission_,
        .gate = gate_,
        .say =
            [this](const Element& stanza) {
              said_.push_back(
                  fmt::format("{}:{}", stanza.attribute("type"), stanza.attribute("to")));
            },
        .clock = clock_,
        .stats = stats_,
        .available = [](const Jid&) { return xmpp::make_presence({}, {}, ""); },
        .nick = [](const Jid&) { return std::string(); },
        .came_online = [this](const Jid&, const Jid& who,
                              std::optional<Millis>) { came_online_.push_back(who.str()); }};
    presence_ = client_presence(std::move(deps), config_.link.address(), config_.allow.addresses);
  }
  ~ClientPresenceTest() override { run(gate_.close()); }

  void online(std::string roster) {
    session_.roster = std::move(roster);
    said_.clear();
    presence_->up(session_);
    run(gate_.drain(patience()));
  }
  void hears(std::string_view type, std::string_view from) {
    presence_->handle(xmpp::make_presence(Jid::parse(from).value(), {}, type));
  }

  XmppChannelConfig config_;
  XmppChannelStats stats_;
  Gate gate_;
  std::optional<Admission> admission_;
  std::vector<std::string> said_;
  std::vector<std::string> came_online_;
  std::unique_ptr<Presence> presence_;
  RosterSession session_;
};

using Said = std::vector<std::string>;

TEST_F(ClientPresenceTest, SeesWhoComesOnlineOfItsContacts) {
  online("<item jid='ann@ex' subscription='both'/><item jid='bob@ex' subscription='from'/>");
  hears("", "bob@ex/phone");
  hears("", "ann@ex/phone");
  hears("", "ann@ex/desk");
  EXPECT_EQ(came_online_, std::vector<std::string>{"ann@ex"});
  EXPECT_EQ(presence_->contact(Jid::parse("ann@ex").value()),
            (Contact{.known = true, .mutual = true, .online = true}));
  hears("unavailable", "ann@ex/phone");
  EXPECT_TRUE(presence_->contact(Jid::parse("ann@ex").value()).online) << "the desk is there";
  hears("unavailable", "ann@ex/desk");
  EXPECT_FALSE(presence_->contact(Jid::parse("ann@ex").value()).online);
  hears("", "ann@ex/phone");
  EXPECT_EQ(came_online_.size(), 2u);
}

TEST_F(ClientPresenceTest, ShowsItselfThenAsksTheAllowedWhomItDoesNotSee) {
  online("<item jid='ann@ex' subscription='both'/><item jid='bob@ex' subscription='from'/>");
  EXPECT_EQ(said_, (Said{":", "subscribe:bob@ex"}));
}

TEST_F(ClientPresenceTest, DoesNotAskAgainWhileARequestIsPending) {
  online(
      "<item jid='ann@ex' subscription='to'/><item jid='bob@ex' subscription='none' "
      "ask='subscribe'/>");
  EXPECT_EQ(said_, Said{":"});
}

TEST_F(ClientPresenceTest, GrantsAnAllowedRequestAndAsksBack) {
  online("<item jid='ann@ex' subscription='both'/><item jid='bob@ex' subscription='both'/>");
  said_.clear();
  hears("subscribe", "carol@team.ex");
  hears("subscribe", "ann@ex");
  EXPECT_EQ(said_,
            (Said{"subscribed:carol@team.ex", "subscribe:carol@team.ex", "subscribed:ann@ex"}));
}

TEST_F(ClientPresenceTest, IsSilentToOthers) {
  online("<item jid='ann@ex' subscription='both'/><item jid='bob@ex' subscription='both'/>");
  said_.clear();
  hears("subscribe", "eve@ex");
  hears("subscribe", "mal@other");
  EXPECT_EQ(said_, Said{});
}

TEST_F(ClientPresenceTest, TakesRosterPushesFromItsOwnAccountOnly) {
  online("");
  const std::string push =
      "<query xmlns='jabber:iq:roster'><item jid='carol@team.ex' "
      "subscription='both'/></query></iq>";
  EXPECT_FALSE(presence_->answer(
      xmpp::parse_element("<iq type='set' id='1' from='eve@ex'>" + push, xmpp::kNsClient).value()));
  EXPECT_TRUE(presence_->answer(
      xmpp::parse_element("<iq type='set' id='1'>" + push, xmpp::kNsClient).value()));
  said_.clear();
  hears("subscribe", "carol@team.ex");
  EXPECT_EQ(said_, Said{"subscribed:carol@team.ex"});
}

TEST_F(ClientPresenceTest, LeavesWithUnavailable) {
  ASSERT_EQ(presence_->farewell().size(), 1u);
  EXPECT_EQ(presence_->farewell()[0].attribute("type"), "unavailable");
}

}  // namespace
}  // namespace skep::channels
