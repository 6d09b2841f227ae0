#include "skep/federation/config.h"

#include <gtest/gtest.h>

namespace skep::federation {
namespace {

struct Read {
  FederationConfig config;
  std::vector<std::string> problems;
};
Read read(std::string_view toml) {
  ConfigFile file = ConfigFile::parse(toml, "skep.toml").value();
  Read out{.config = FederationConfig::read(file.root())};
  for (const ConfigProblem& one : file.problems())
    out.problems.push_back(one.where + " " + one.message);
  return out;
}

TEST(FederationConfig, NobodyMayAnythingUntilItIsSaid) {
  const Read got = read("");
  EXPECT_FALSE(got.config.wanted());
  EXPECT_TRUE(got.config.expose.empty());
  const Read named = read("[federation.peers.\"b.example\"]\n");
  ASSERT_EQ(named.config.peers.size(), 1u);
  const PeerConfig& peer = named.config.peers.front();
  EXPECT_FALSE(peer.allow_in || peer.allow_out);
  EXPECT_TRUE(peer.skills_in.empty() && peer.skills_out.empty());
}

TEST(FederationConfig, ReadsPeersAndTheirAgents) {
  const Read got = read(R"(
[agent]
admin_jids = ["Ann@A.example"]
[federation]
expose = ["ask"]
[federation.peers."Legal@B.example"]
allow_out = true
skills_out = ["ask"]
max_per_hour = 5
[llm.agents.legal]
jid = "legal@b.example/skep"
timeout = 30
)");
  EXPECT_EQ(got.problems, std::vector<std::string>());
  EXPECT_EQ(got.config.owner, "ann@a.example");
  EXPECT_EQ(got.config.peers.front().who, "legal@b.example");
  EXPECT_EQ(got.config.agents.front().jid.str(), "legal@b.example/skep");
  EXPECT_EQ(got.config.agents.front().timeout, std::chrono::seconds(30));
}

TEST(FederationConfig, ThereIsNoWordForEverybody) {
  EXPECT_EQ(read("[federation.peers.\"*\"]\nallow_in = true\n").problems.size(), 2u);
  EXPECT_TRUE(read("[federation.peers.\"*\"]\n").config.peers.empty());
}

TEST(FederationConfig, AnAgentElsewhereNeedsAPeer) {
  const Read got = read("[llm.agents.legal]\njid = \"legal@b.example\"\n");
  ASSERT_EQ(got.problems.size(), 1u);
  EXPECT_NE(got.problems.front().find("[federation.peers.\"legal@b.example\"]"), std::string::npos);
}

TEST(FederationConfig, ReadsWhatIsAnnouncedAndRefusesWhatIsNone) {
  const Read got = read(R"(
[federation]
languages = ["en", "de-AT"]
contact = ["mailto:ops@b.example"]
)");
  EXPECT_EQ(got.problems, std::vector<std::string>());
  EXPECT_EQ(got.config.languages, (std::vector<std::string>{"en", "de-AT"}));
  EXPECT_EQ(got.config.contact, std::vector<std::string>{"mailto:ops@b.example"});
  EXPECT_EQ(read("[federation]\nlanguages = [\"all of them\"]\n").problems.size(), 1u);
  EXPECT_EQ(read("[federation]\ncontact = [\"ask bob\"]\n").problems.size(), 1u);
}

}  // namespace
}  // namespace skep::federation
