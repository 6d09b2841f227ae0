#include "peers.h"

#include <gtest/gtest.h>

namespace skep::federation {
namespace {

using namespace std::chrono_literals;

xmpp::Jid jid(std::string_view text) { return xmpp::Jid::parse(text).value(); }

FederationConfig config() {
  FederationConfig out;
  out.expose = {"ask", "system_time"};
  out.peers = {{.who = "b.example", .allow_in = true, .skills_in = {"*"}},
               {.who = "eve@b.example", .skills_in = {"*"}},
               {.who = "c.example",
                .allow_in = true,
                .allow_out = true,
                .skills_in = {"ask"},
                .skills_out = {"ask", "translate"}}};
  out.agents = {{.name = "legal", .jid = jid("legal@c.example"), .skills = {"ask"}}};
  return out;
}

TEST(Peers, AnAddressGoesBeforeItsDomain) {
  const FederationConfig settings = config();
  const Peers peers(settings);
  EXPECT_EQ(peers.find(jid("ann@b.example/phone"))->who, "b.example");
  EXPECT_EQ(peers.find(jid("eve@b.example/x"))->who, "eve@b.example");
  EXPECT_EQ(peers.find(jid("ann@sub.b.example")), nullptr);
}

TEST(Peers, RunsOnlyWhatIsExposedAndListed) {
  const FederationConfig settings = config();
  const Peers peers(settings);
  const PeerConfig& all = *peers.find(jid("b.example"));
  EXPECT_TRUE(peers.may_run(all, "system_time"));
  EXPECT_FALSE(peers.may_run(all, "shell_exec"));
  EXPECT_FALSE(peers.may_run(*peers.find(jid("c.example")), "system_time"));
  EXPECT_FALSE(peers.may_run(*peers.find(jid("eve@b.example")), "ask"));
}

TEST(Peers, AsksForWhatBothListsName) {
  const FederationConfig settings = config();
  const Peers peers(settings);
  const PeerConfig& peer = *peers.find(jid("legal@c.example"));
  const RemoteAgent* legal = peers.agent("legal");
  ASSERT_NE(legal, nullptr);
  EXPECT_TRUE(peers.may_ask(peer, legal, "ask"));
  EXPECT_FALSE(peers.may_ask(peer, legal, "translate"));
  EXPECT_TRUE(peers.may_ask(peer, nullptr, "translate"));
  EXPECT_FALSE(peers.may_ask(*peers.find(jid("b.example")), nullptr, "ask"));
}

TEST(HourlyLimit, SaysWhenThereIsRoomAgain) {
  HourlyLimit limit;
  const WallTime start{1'000'000s};
  EXPECT_EQ(limit.take("b", 2, start), std::nullopt);
  EXPECT_EQ(limit.take("b", 2, start + 10min), std::nullopt);
  EXPECT_EQ(limit.take("b", 2, start + 20min), 40 * 60);
  EXPECT_EQ(limit.take("c", 2, start + 20min), std::nullopt);
  EXPECT_EQ(limit.take("b", 2, start + 60min), std::nullopt);
}

}  // namespace
}  // namespace skep::federation
