#include <gtest/gtest.h>

#include "skep/channels/xmpp_channel.h"

namespace skep::channels {
namespace {

struct Read {
  XmppChannelConfig config;
  std::vector<ConfigProblem> problems;
};
Read read(std::string_view toml) {
  auto file = ConfigFile::parse(toml, "skep.toml", [](std::string_view) { return std::nullopt; });
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  Read out{XmppChannelConfig::read(file->root()), {}};
  out.problems = file->problems();
  return out;
}

constexpr std::string_view kComponent =
    "[server]\nmode = \"component\"\nhost = \"127.0.0.1\"\ncomponent_domain = "
    "\"agent.example.org\"\ncomponent_secret = \"s\"\n";

TEST(XmppChannelConfig, AcceptsTheUsersAboveTheComponentByDefault) {
  const Read read_config = read(std::string(kComponent) + "[agent]\nallowed_jids = [\"*\"]\n");
  EXPECT_TRUE(read_config.problems.empty()) << read_config.problems.front().message;
  EXPECT_EQ(read_config.config.allow.own_domains,
            (std::vector<std::string>{"agent.example.org", "example.org"}));
}

TEST(XmppChannelConfig, AddsTheDomainsOfItsUsers) {
  const Read read_config =
      read(std::string(kComponent) +
           "user_domains = [\"Other.Example\"]\n[agent]\nallowed_jids = [\"*\"]\n");
  EXPECT_EQ(read_config.config.allow.own_domains,
            (std::vector<std::string>{"agent.example.org", "example.org", "other.example"}));
}

TEST(XmppChannelConfig, NormalisesAddresses) {
  const Read read_config =
      read(std::string(kComponent) +
           "[agent]\nallowed_jids = [\"Ann@EX.org/Phone\", \"@EX.org\", \"*\"]\nadmin_jids = "
           "[\"Adm@ex.org\"]\nallowed_domains = [\"EX.org\"]\n");
  EXPECT_TRUE(read_config.problems.empty());
  EXPECT_EQ(read_config.config.allow.addresses,
            (std::vector<std::string>{"ann@ex.org", "@ex.org", "*"}));
  EXPECT_EQ(read_config.config.allow.admins, std::vector<std::string>{"adm@ex.org"});
  EXPECT_EQ(read_config.config.allow.domains, std::vector<std::string>{"ex.org"});
}

TEST(XmppChannelConfig, SaysWhatToWriteWhenNobodyIsNamed) {
  const Read read_config = read(kComponent);
  ASSERT_EQ(read_config.problems.size(), 1u);
  EXPECT_NE(read_config.problems[0].where.find("allowed_jids"), std::string::npos)
      << read_config.problems[0].where;
  EXPECT_NE(read_config.problems[0].message.find("allowed_jids = [\"you@example.org\"]"),
            std::string::npos)
      << read_config.problems[0].message;
}

TEST(XmppChannelConfig, AcceptsAnEmptyListAsNobody) {
  EXPECT_TRUE(read(std::string(kComponent) + "[agent]\nallowed_jids = []\n").problems.empty());
}

TEST(XmppChannelConfig, NamesEachBadEntry) {
  const Read read_config =
      read(std::string(kComponent) +
           "[agent]\nallowed_jids = [\"@\", \"a b@x\", \"example.org\", \"ann@ex.org\"]\n");
  EXPECT_EQ(read_config.problems.size(), 3u);
  EXPECT_EQ(read_config.config.allow.addresses, std::vector<std::string>{"ann@ex.org"});
}

TEST(XmppChannelConfig, ReadsLimits) {
  const Read read_config = read(std::string(kComponent) +
                                "[agent]\nallowed_jids = [\"*\"]\nflood_per_minute = "
                                "5\nflood_burst = 2\nmax_message_age_secs = 60\n"
                                "reply_max_bytes = 1000\nname = \"Helper\"\nstyling = false\n");
  EXPECT_TRUE(read_config.problems.empty());
  EXPECT_EQ(read_config.config.flood_per_minute, 5);
  EXPECT_EQ(read_config.config.flood_burst, 2);
  EXPECT_EQ(read_config.config.message_age_max, std::chrono::seconds(60));
  EXPECT_EQ(read_config.config.reply_bytes_max, 1000u);
  EXPECT_EQ(read_config.config.agent_name, "Helper");
  EXPECT_FALSE(read_config.config.styling);
}

TEST(XmppChannelConfig, NeedsNothingWithoutAServer) {
  EXPECT_TRUE(read("[agent]\nname = \"Helper\"\n").problems.empty());
}

TEST(XmppChannelConfig, ReadsAddressesAndAccounts) {
  const std::string account =
      "[[accounts]]\nid = \"sales\"\nmode = \"client\"\njid = \"sales@example.org\"\n"
      "password = \"s\"\nagent = \"AI.sales\"\n";
  const std::string agent = "[agent]\nallowed_jids = [\"*\"]\n";
  auto file =
      ConfigFile::parse(std::string(kComponent) +
                            "[[server.addresses]]\nlocal = \"Support\"\n"
                            "agent = \"AI.support\"\nname = \"Help\"\n" +
                            agent + account + "[[rooms]]\njid = \"a@conf\"\naccount = \"sales\"\n",
                        "test.toml");
  ASSERT_TRUE(file) << file.error().to_string();
  std::vector<XmppChannelConfig> accounts;
  const XmppChannelConfig config = XmppChannelConfig::read(file->root(), &accounts);
  EXPECT_TRUE(file->problems().empty()) << file->problems().front().message;
  ASSERT_EQ(config.addresses.size(), 1u);
  EXPECT_TRUE(config.addresses[0].address.str().starts_with("support@"));
  EXPECT_TRUE(config.entrypoint.empty()) << "the conversations of homes as they were";
  EXPECT_TRUE(config.rooms.empty());
  ASSERT_EQ(accounts.size(), 1u);
  EXPECT_EQ(accounts[0].label, "sales");
  EXPECT_EQ(accounts[0].entrypoint, "sales@example.org");
  EXPECT_EQ(accounts[0].rooms.size(), 1u);
  accounts[0].keep_files_in("/run");
  EXPECT_EQ(accounts[0].archive_file, "/run/xmpp-archive-sales.json");
  for (const std::string& wrong :
       {account + account, agent + "[[rooms]]\njid = \"a@conf\"\naccount = \"nobody\"\n"}) {
    auto bad = ConfigFile::parse(std::string(kComponent) + wrong, "test.toml");
    ASSERT_TRUE(bad);
    std::vector<XmppChannelConfig> none;
    (void)XmppChannelConfig::read(bad->root(), &none);
    EXPECT_FALSE(bad->problems().empty()) << wrong;
  }
}

TEST(XmppChannelConfig, ReadsRooms) {
  const Read read_config = read(std::string(kComponent) +
                                "[agent]\nallowed_jids = [\"*\"]\n"
                                "[[rooms]]\njid = \"Team@Conf.example.org\"\n"
                                "[[rooms]]\njid = \"ops@conf.example.org\"\nnick = \"Ops\"\n"
                                "activation = \"keywords\"\nkeywords = [\"deploy\"]\n"
                                "members = \"everyone\"\ncommanders = [\"Adm@Example.org\"]\n"
                                "turns_per_minute = 2\nautorejoin = false\n");
  EXPECT_TRUE(read_config.problems.empty()) << read_config.problems.front().message;
  ASSERT_EQ(read_config.config.rooms.size(), 2u);
  const RoomConfig& team = read_config.config.rooms[0];
  EXPECT_EQ(team.room.str(), "team@conf.example.org");
  EXPECT_EQ(team.activation, RoomConfig::Activation::kMention);
  EXPECT_EQ(team.members, RoomConfig::Members::kMembers);
  const RoomConfig& ops = read_config.config.rooms[1];
  EXPECT_EQ(ops.activation, RoomConfig::Activation::kKeywords);
  EXPECT_EQ(ops.members, RoomConfig::Members::kEveryone);
  EXPECT_EQ(ops.commanders, std::vector<std::string>{"adm@example.org"});
  EXPECT_EQ(ops.turns_per_minute, 2);
  EXPECT_FALSE(ops.autorejoin);
}

TEST(XmppChannelConfig, RefusesRoomsThatCannotBe) {
  const std::string agent = "[agent]\nallowed_jids = [\"*\"]\n[[rooms]]\n";
  for (const char* room :
       {"nick = \"x\"", "jid = \"conf.example.org\"", "jid = \"a@conf/nick\"", "jid = \"@\"",
        "jid = \"a@conf\"\nnick = \"\"", "jid = \"a@conf\"\nactivation = \"always\"",
        "jid = \"a@conf\"\nactivation = \"keywords\"",
        "jid = \"a@conf\"\ncommanders = [\"emperor\"]",
        "jid = \"a@conf\"\n[[rooms]]\njid = \"A@Conf\""}) {
    EXPECT_EQ(read(std::string(kComponent) + agent + room + "\n").problems.size(), 1u) << room;
  }
  EXPECT_EQ(read(agent + "jid = \"a@conf\"\n").problems.size(), 1u) << "without [server]";
}

}  // namespace
}  // namespace skep::channels
