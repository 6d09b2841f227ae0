#include <gtest/gtest.h>

#include "../src/config_text.h"
#include "../src/conversation_rules.h"

namespace skep::kernel {
namespace {

struct Read {
  KernelConfig config;
  std::vector<ConfigProblem> problems;
};

Read read(std::string_view more) {
  const std::string toml = fmt::format(R"(
[server]
mode = "component"
host = "localhost"
component_domain = "agent.example.org"
component_secret = "s3cret"
[agent]
admin_jids = ["root@example.org"]
{})",
                                       more);
  ConfigFile file = ConfigFile::parse(toml, "skep.toml").value();
  Read out;
  out.config = KernelConfig::read(file, "/home/x/.skep");
  out.problems = file.problems();
  return out;
}

constexpr std::string_view kUsers = R"(
[[users]]
name = "Ann"
role = "user"
addresses = ["Ann@Example.org", "ann@cli", "hive:lab"]
[[users]]
name = "Vi"
role = "viewer"
addresses = ["vi@example.org"]
)";

Message from(std::string channel, std::string peer) {
  Message message;
  message.conversation = {.channel = std::move(channel), .peer = std::move(peer), .thread = {}};
  return message;
}

TEST(RoleOf, IsThatOfTheAddressOrOfWhatTheMessageSays) {
  const Read got = read(kUsers);
  ASSERT_TRUE(got.problems.empty()) << got.problems[0].where << ": " << got.problems[0].message;
  const struct {
    const char *channel, *peer;
    std::optional<Role> role;
  } rows[] = {{"xmpp", "ann@example.org", Role::kUser},
              {"xmpp", "vi@example.org", Role::kViewer},
              {"xmpp", "root@example.org", Role::kOwner},
              {"xmpp", "eve@example.org", Role::kNone},
              {"xmpp", "ann@cli", Role::kNone},  // a domain called cli is no terminal
              {"cli", "ann@cli", Role::kUser},
              {"cli", "me@cli", Role::kOwner},
              {"cli", "vi@example.org", Role::kViewer},  // whoever says so is taken at their word
              {"hive", "hive:lab/cli/root", Role::kUser},
              {"hive", "hive:far/xmpp/root@example.org", Role::kNone},
              {"job", "vi@example.org", Role::kViewer},
              {"job", "me@cli", Role::kOwner},
              {"job", "self", std::nullopt},
              {"agent", "ann@example.org", std::nullopt},
              {"other", "root@example.org", Role::kNone}};
  for (const auto& row : rows) {
    EXPECT_EQ(role_of(got.config, from(row.channel, row.peer)), row.role)
        << row.channel << " " << row.peer;
  }
  Message said = from("xmpp", "team@conference.example.org");
  put_role(said, Role::kAdmin);
  EXPECT_EQ(role_of(got.config, said), Role::kAdmin);
  EXPECT_EQ(role_of(read("").config, said), std::nullopt);  // there are no users
  said.meta["role"] = "emperor";
  EXPECT_EQ(role_of(got.config, said), Role::kNone);
  EXPECT_FALSE(is_admin(got.config, nullptr, from("cli", "ann@cli").conversation));
  EXPECT_TRUE(is_admin(got.config, nullptr, from("cli", "me@cli").conversation));
}

TEST(RoleOf, UsersAreGivenToTheChannelAndNeedNoAllowedJids) {
  const Read got = read(kUsers);
  ASSERT_TRUE(got.config.xmpp);
  EXPECT_EQ(got.config.xmpp->allow.people, got.config.people);
  ASSERT_EQ(read("").problems.size(), 1u);  // without users it must be said who may write
  const Read clash =
      read("[[users]]\nname = \"R\"\nrole = \"user\"\naddresses = [\"root@example.org\"]\n");
  ASSERT_EQ(clash.problems.size(), 1u);
  EXPECT_NE(clash.problems[0].message.find("admin_jids"), std::string::npos);
  EXPECT_EQ(read("[[users]]\nname = \"R\"\nrole = \"user\"\naddresses = [\"a@b/phone\"]\n")
                .problems.size(),
            1u);
}

TEST(ConfigText, ShowsSectionsAndNoSecrets) {
  const std::map<std::string, std::string> keys{{"agent.name", "\"Helper\""},
                                                {"agents.idle_secs", "60"},
                                                {"llm.api_key", "\"abc\""},
                                                {"llm.api_keys", "[0=\"abc\",]"},
                                                {"llm.max_tokens_per_request", "10"},
                                                {"server.component_secret", "\"abc\""},
                                                {"server.password_file", "\"/run/x\""},
                                                {"streams.token", "\"abc\""},
                                                {"users[0].name", "\"Ann\""}};
  const std::string all = config_text(keys, "");
  EXPECT_EQ(all.find("abc"), std::string::npos) << all;
  EXPECT_NE(all.find("llm.api_key = (not shown)"), std::string::npos);
  EXPECT_NE(all.find("llm.max_tokens_per_request = 10"), std::string::npos);
  EXPECT_EQ(config_text(keys, "agent"), "agent.name = \"Helper\"");
  EXPECT_EQ(config_text(keys, "[users]"), "users[0].name = \"Ann\"");
  EXPECT_EQ(config_text(keys, "nothing"), "Nothing is set there.");
  EXPECT_EQ(config_text({}, ""), "Everything is as it comes.");
  std::map<std::string, std::string> many;
  for (int i = 0; i < 1000; ++i) many[fmt::format("rooms[{}].jid", i)] = "\"a@b\"";
  EXPECT_LT(config_text(many, "").size(), 6200u);
  EXPECT_NE(config_text(many, "").find("more; /config"), std::string::npos);
}

}  // namespace
}  // namespace skep::kernel
