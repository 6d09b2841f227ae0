#include <gtest/gtest.h>

#include "skep/kernel/kernel.h"

namespace skep::kernel {
namespace {

struct Read {
  KernelConfig config;
  std::vector<ConfigProblem> problems;
};

Read read(std::string_view toml) {
  auto env = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SECRET") return "s3cret \"quoted\"";
    return std::nullopt;
  };
  ConfigFile file = ConfigFile::parse(toml, "skep.toml", env).value();
  Read result;
  result.config = KernelConfig::read(file, "/home/x/.skep");
  result.problems = file.problems();
  return result;
}

constexpr std::string_view kComponent = R"(
[server]
mode = "component"
host = "localhost"
component_domain = "agent.example.org"
component_secret = "${SECRET}"
[agent]
name = "Helper"
allowed_jids = ["ann@example.org"]
)";

TEST(KernelConfig, AnEmptyFileIsEnough) {
  const Read got = read("");
  EXPECT_TRUE(got.problems.empty());
  EXPECT_FALSE(got.config.xmpp.has_value());
  EXPECT_EQ(got.config.api_listen, "127.0.0.1:4545");
  EXPECT_EQ(got.config.memory.path, "/home/x/.skep/memory");
}

TEST(KernelConfig, WebhooksHaveNamesAndAddresses) {
  const Read got = read(R"([schedules.webhooks.ops]
url = "https://hooks.example.org/x"
authorization = "Bearer ${SECRET}"
)");
  ASSERT_TRUE(got.problems.empty()) << got.problems[0].message;
  ASSERT_EQ(got.config.schedules.webhooks.size(), 1u);
  EXPECT_EQ(got.config.schedules.webhooks[0].name, "ops");
  EXPECT_TRUE(got.config.schedules.webhooks[0].authorization.reveal().starts_with("Bearer s3cret"));
  for (const char* url : {"", "ftp://example.org", "ops", "https://"}) {
    const std::string text = fmt::format("[schedules.webhooks.ops]\nurl = \"{}\"\n", url);
    EXPECT_FALSE(read(text).problems.empty()) << url;
  }
}

TEST(KernelConfig, MailNeedsAServerASenderAndTls) {
  const Read got = read(R"([mail]
server = "smtp://mail.example.org:587"
user = "skep"
password = "${SECRET}"
from = "skep@example.org"
agents_may = ["*@example.org", "eve@example.com"]
)");
  ASSERT_TRUE(got.problems.empty()) << got.problems[0].message;
  const MailConfig& mail = got.config.mail;
  EXPECT_TRUE(mail.wanted() && mail.server.tls);
  EXPECT_TRUE(mail.agents_may_write_to("Ann@Example.org"));
  EXPECT_TRUE(mail.agents_may_write_to("eve@example.com"));
  for (const char* whom : {"bob@example.com", "ann@sub.example.org", "ann@notexample.org", "", "x"})
    EXPECT_FALSE(mail.agents_may_write_to(whom)) << whom;
  const std::string from = "from = \"skep@example.org\"\n";
  for (const std::string& bad :
       {"[mail]\nserver = \"mail.example.org\"\n" + from,
        std::string("[mail]\nserver = \"smtp://mail.example.org\"\n"),
        "[mail]\nserver = \"smtp://mail.example.org\"\ntls = \"off\"\n" + from,
        "[mail]\nserver = \"smtp://u:p@mail.example.org\"\n" + from,
        "[mail]\nserver = \"smtp://mail.example.org\"\nuser = \"x\"\n" + from})
    EXPECT_EQ(read(bad).problems.size(), 1u) << bad;
  EXPECT_TRUE(
      read("[mail]\nserver = \"smtp://localhost:25\"\ntls = \"off\"\n" + from).problems.empty());
  EXPECT_FALSE(read("").config.mail.wanted());
}

TEST(KernelConfig, ProgramsAreOffUntilTurnedOn) {
  EXPECT_TRUE(read("").config.file_tools.enabled);
  EXPECT_FALSE(read("").config.shell_tools.enabled);
  const Read got = read(R"([tools.files]
enabled = false
[tools.shell]
enabled = true
timeout_secs = 5
memory_mb = 512
)");
  ASSERT_TRUE(got.problems.empty()) << got.problems[0].where << ": " << got.problems[0].message;
  EXPECT_FALSE(got.config.file_tools.enabled);
  EXPECT_TRUE(got.config.shell_tools.enabled);
  EXPECT_FALSE(got.config.shell_tools.network);
  EXPECT_EQ(got.config.shell_tools.timeout, std::chrono::seconds(5));
  EXPECT_EQ(got.config.shell_tools.limits.memory_bytes, 512u << 20);
  EXPECT_EQ(read("[tools.shell]\ntimeout_secs = 700\n").problems.size(), 1u);
  EXPECT_EQ(read("[tools.shell]\ncpu_secs = 0\n").problems.size(), 1u);
  EXPECT_EQ(read("[tools.shel]\nenabled = true\n").problems.size(), 1u);
}

TEST(KernelConfig, AComponentNeedsFourKeysAndWhoMayTalk) {
  const Read got = read(kComponent);
  ASSERT_TRUE(got.problems.empty()) << got.problems[0].where << ": " << got.problems[0].message;
  ASSERT_TRUE(got.config.xmpp.has_value());
  EXPECT_EQ(got.config.xmpp->link.component_domain, "agent.example.org");
  EXPECT_EQ(got.config.xmpp->link.component_secret.reveal(), "s3cret \"quoted\"");
  EXPECT_EQ(got.config.agent.name, "Helper");
}

TEST(KernelConfig, UnknownSectionsAndKeysAreNamedWithTheirNearestKin) {
  const Read got = read("[agnet]\nname = \"x\"\n[llm]\nmodle = \"y\"\n");
  ASSERT_EQ(got.problems.size(), 2u);
  EXPECT_TRUE(got.problems[0].message.contains("agent")) << got.problems[0].message;
  EXPECT_TRUE(got.problems[1].message.contains("model")) << got.problems[1].message;
  EXPECT_TRUE(got.problems[1].where.contains("skep.toml:4")) << got.problems[1].where;
}

TEST(KernelConfig, AnUnsetVariableIsAProblemOnlyWhereItIsUsed) {
  const Read unused = read("# ${NOPE}\n[llm]\nprovider = \"demo\"\n");
  EXPECT_TRUE(unused.problems.empty());
  const Read used = read("[llm]\nprovider = \"anthropic\"\napi_key = \"${NOPE}\"\n");
  ASSERT_EQ(used.problems.size(), 1u);
  EXPECT_TRUE(used.problems[0].message.contains("NOPE")) << used.problems[0].message;
}

TEST(KernelConfig, ABadHiveNameIsRefused) {
  const Read got = read("[hive]\nid = \"my hive\"\n");
  ASSERT_EQ(got.problems.size(), 1u);
  EXPECT_TRUE(got.problems[0].where.contains("hive")) << got.problems[0].where;
}

}  // namespace
}  // namespace skep::kernel
