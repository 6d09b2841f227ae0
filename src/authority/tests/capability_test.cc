#include "skep/authority/capability.h"

#include <gtest/gtest.h>

namespace skep::authority {
namespace {

Capability cap(std::string_view text) { return parse_capability(text).value(); }

TEST(Capability, IsWrittenAsActionAndPattern) {
  EXPECT_EQ(cap("net_connect:*.example.org:443"),
            (Capability{Action::kNetConnect, "*.example.org:443"}));
  EXPECT_EQ(cap(" agent_spawn "), (Capability{Action::kAgentSpawn, ""}));
  EXPECT_EQ(cap("schedule:*"), (Capability{Action::kSchedule, ""}));
  for (std::string_view text : {"file_read:data/**", "agent_spawn", "shell_exec:*"})
    EXPECT_EQ(to_text(cap(text)), text);
}

TEST(Capability, RefusesWhatIsNone) {
  EXPECT_EQ(parse_capability("file_raed:*").error().message,
            "\"file_raed\" is no action; did you mean \"file_read\"?");
  EXPECT_EQ(parse_capability("file_read").error().message,
            "file_read needs a pattern: \"file_read:*\" is for everything");
  EXPECT_EQ(parse_capability("agent_spawn:x").error().message, "agent_spawn takes no pattern");
  EXPECT_FALSE(parse_capability("file_read:" + std::string(pattern_bytes_max + 1, 'x')));
  EXPECT_FALSE(parse_capability(""));
}

TEST(Grants, AllowNothingUnlessSaid) {
  const Grants none;
  EXPECT_FALSE(none.allow(Action::kToolInvoke, "system_time"));
  EXPECT_FALSE(none.allow(Action::kAgentSpawn, ""));
}

TEST(Grants, AllowByActionAndPattern) {
  const Grants grants({cap("file_read:data/**"), cap("agent_spawn")});
  EXPECT_TRUE(grants.allow(Action::kFileRead, "data/a/b"));
  EXPECT_FALSE(grants.allow(Action::kFileWrite, "data/a/b"));
  EXPECT_FALSE(grants.allow(Action::kFileRead, "data/../a"));
  EXPECT_TRUE(grants.allow(Action::kAgentSpawn, ""));
  EXPECT_EQ(*grants.granting(Action::kFileRead, "data/x"), cap("file_read:data/**"));
}

TEST(Grants, HostsWithoutAPortMeanAnyPort) {
  const Grants grants({cap("net_connect:*.Good.com"), cap("net_connect:api.example.org:443")});
  EXPECT_TRUE(grants.allow(Action::kNetConnect, "www.good.com:8443"));
  EXPECT_TRUE(grants.allow(Action::kNetConnect, "WWW.good.com:80"));
  EXPECT_FALSE(grants.allow(Action::kNetConnect, "good.com.evil.org:80"));
  EXPECT_TRUE(grants.allow(Action::kNetConnect, "api.example.org:443"));
  EXPECT_FALSE(grants.allow(Action::kNetConnect, "api.example.org:80"));
  const Grants six({cap("net_connect:[2001:db8::1]")});
  EXPECT_TRUE(six.allow(Action::kNetConnect, "[2001:db8::1]:80"));
}

TEST(Grants, ChildNeverHasWhatItsParentLacks) {
  const Grants parent(
      {cap("tool_invoke:file_read"), cap("agent_spawn"), cap("memory_write:self.*")});
  EXPECT_EQ(parent.beyond(Grants({cap("memory_write:self.notes"), cap("agent_spawn")})), nullptr);
  const Grants shell({cap("tool_invoke:file_read"), cap("shell_exec:*")});
  ASSERT_NE(parent.beyond(shell), nullptr);
  EXPECT_EQ(to_text(*parent.beyond(shell)), "shell_exec:*");
  EXPECT_NE(parent.beyond(Grants({cap("memory_write:*")})), nullptr);
  EXPECT_NE(parent.beyond(Grants({cap("tool_invoke:*")})), nullptr);
  EXPECT_EQ(Grants::everything().beyond(shell), nullptr);
  const Grants open({cap("net_connect:a.org")});
  EXPECT_EQ(open.beyond(Grants({cap("net_connect:a.org:443")})), nullptr);
  EXPECT_NE(Grants({cap("net_connect:a.org:443")}).beyond(open), nullptr);
}

TEST(Grants, MemoryPatternsHoldForAllBelow) {
  const Grants own({cap("memory_write:self.*")});
  EXPECT_TRUE(own.allow(Action::kMemoryWrite, "self.birthday"));
  EXPECT_TRUE(own.allow(Action::kMemoryWrite, "self.notes.2026.may"));
  EXPECT_TRUE(own.allow(Action::kMemoryWrite, "self.*"));
  EXPECT_FALSE(own.allow(Action::kMemoryWrite, "shared.x"));
  EXPECT_FALSE(own.allow(Action::kMemoryWrite, "selfish.x"));
  EXPECT_EQ(own.beyond(Grants({cap("memory_write:self.notes.*")})), nullptr);
  EXPECT_NE(own.beyond(Grants({cap("memory_write:*")})), nullptr);
  EXPECT_NE(Grants({cap("memory_write:self.notes.*")}).beyond(own), nullptr);
}

TEST(Grants, ProfilesHaveWhatTheirToolsNeed) {
  const Grants minimal = Grants::of_profile("minimal").value();
  EXPECT_TRUE(minimal.allow(Action::kToolInvoke, "file_read"));
  EXPECT_TRUE(minimal.allow(Action::kFileRead, "a/b"));
  EXPECT_FALSE(minimal.allow(Action::kToolInvoke, "file_write"));
  EXPECT_FALSE(minimal.allow(Action::kFileWrite, "a/b"));
  const Grants coding = Grants::of_profile("coding").value();
  EXPECT_TRUE(coding.allow(Action::kShellExec, "make"));
  EXPECT_TRUE(coding.allow(Action::kNetConnect, "example.org:443"));
  EXPECT_FALSE(coding.allow(Action::kMemoryWrite, "self.x"));
  const Grants messaging = Grants::of_profile("messaging").value();
  EXPECT_TRUE(messaging.allow(Action::kMemoryWrite, "self.x"));
  EXPECT_FALSE(messaging.allow(Action::kMemoryWrite, "shared.x"));
  EXPECT_TRUE(messaging.allow(Action::kAgentMessage, "AI.support"));
  EXPECT_FALSE(messaging.allow(Action::kShellExec, "ls"));
  const Grants full = Grants::of_profile("full").value();
  EXPECT_EQ(full.beyond(Grants::everything()), nullptr);
  EXPECT_FALSE(Grants::of_profile("fll"));
}

TEST(Grants, ToolPatternHasWhatAnyOfItsToolsNeeds) {
  const Grants files = Grants::of_tools({"file_*"});
  EXPECT_TRUE(files.allow(Action::kFileWrite, "x"));
  EXPECT_FALSE(files.allow(Action::kShellExec, "ls"));
  EXPECT_EQ(Grants::of_tools({"*"}).beyond(Grants::everything()), nullptr);
}

}  // namespace
}  // namespace skep::authority
