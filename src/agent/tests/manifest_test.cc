#include "skep/agent/manifest.h"

#include <gtest/gtest.h>

namespace skep::agent {
namespace {

using authority::Action;

Manifest parsed(std::string_view toml) {
  auto manifest = Manifest::parse(toml);
  EXPECT_TRUE(manifest) << (manifest ? "" : manifest.error().message);
  return manifest ? *manifest : Manifest();
}
std::string problem(std::string_view toml) {
  auto manifest = Manifest::parse(toml);
  return manifest ? "none" : manifest.error().message;
}

constexpr std::string_view kFull = R"(name = "sales.eu"
version = "1.2.0"
description = "Sells"
author = "Ann"
tags = ["sales", "eu"]
tool_blocklist = ["file_write"]
exec_policy = "restricted"
workspace = "shared"
personas = "house"

[model]
provider = "openai"
model = "gpt-4o"
api_key_env = "SALES_KEY"
base_url = "https://models.example.org/v1"
max_tokens = 1000
temperature = 0.25
system_prompt = """
You sell "things" for $5.
Be \\ brief.
"""

[[fallback_models]]
provider = "default"

[resources]
max_llm_tokens_per_hour = 100
max_llm_tokens_per_day = 1000
max_cost_per_month_usd = 1.5
max_tool_calls_per_minute = 7

[capabilities]
tools = ["file_*", "agent_send"]
network = ["*.example.org"]
shell = []
agent_spawn = true
agent_message = ["sales.*"]
)";

TEST(Manifest, ReadsEveryKeyAndWritesItBack) {
  const Manifest m = parsed(kFull);
  EXPECT_EQ(m.name, "sales.eu");
  EXPECT_EQ(m.model.api_key_env, "SALES_KEY");
  EXPECT_EQ(m.system_prompt, "You sell \"things\" for $5.\nBe \\ brief.\n");
  EXPECT_EQ(m.exec_policy, ExecPolicy::kAllowlist);
  ASSERT_EQ(m.fallbacks.size(), 1u);
  EXPECT_TRUE(m.fallbacks[0].is_default());
  EXPECT_EQ(m.limits().monthly_cost, 3 * kUsd / 2);
  EXPECT_EQ(parsed(m.to_text()), m) << m.to_text();
  EXPECT_EQ(Manifest::parse("", "x", "given")->name, "given");
}

TEST(Manifest, ANameAloneIsMinimal) {
  const Manifest m = parsed("name = \"a\"");
  EXPECT_EQ(m.to_text(), "name = \"a\"\n");
  const authority::Grants grants = m.grants();
  EXPECT_TRUE(grants.allow(Action::kToolInvoke, "file_read"));
  EXPECT_FALSE(grants.allow(Action::kToolInvoke, "file_write"));
  EXPECT_FALSE(grants.allow(Action::kNetConnect, "example.org:443"));
  EXPECT_FALSE(grants.allow(Action::kAgentSpawn, ""));
}

TEST(Manifest, TextsMayHoldAnyCharacter) {
  Manifest m{.name = "a"};
  m.description = "tab\t quote\" \x01 ünï \x7f \r\n$${HOME}";
  m.system_prompt = "\n\n\"\"\"\\\"\n";
  EXPECT_EQ(parsed(m.to_text()), m) << m.to_text();
}

TEST(Manifest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(problem("name = \"a\"\nprofil = \"coding\""),
            "agent.toml:2: profil: unknown key; did you mean \"profile\"?");
  EXPECT_EQ(problem("name = \"a\"\n[capabilities]\ntools = \"file_read\""),
            "agent.toml:3: [capabilities] tools: expected an array, found a string \"file_read\"");
  EXPECT_NE(problem("name = \"a\"\n[model]\ntemperature = 3").find(":3: [model] temperature"),
            std::string::npos);
  EXPECT_NE(problem("").find("name: must be"), std::string::npos);
  EXPECT_NE(problem("name = [").find("agent.toml:1"), std::string::npos);
  for (std::string_view bad : {"a b", "../x", ".x", "a..b", "a/b", "", "a@b", "ä"})
    EXPECT_NE(problem(fmt::format("name = \"{}\"", bad)), "none") << bad;
}

TEST(Manifest, RefusesWhatWouldMeanNothing) {
  for (std::string_view key :
       {"metadata = { a = 1 }", "skills = []", "priority = \"High\"", "module = \"wasm:x\"",
        "[routing]\nsimple = \"x\"", "[autonomous]\nmax_iterations = 5",
        "[resources]\nburst_ratio = 0.2", "[capabilities]\nofp_discover = true",
        "[tools.file_read]\nparams = {}", "[[triggers]]\nx = 1"}) {
    const std::string said = problem(fmt::format("name = \"a\"\n{}", key));
    EXPECT_NE(said, "none") << key;
    EXPECT_EQ(said.find("unknown"), std::string::npos) << said;
    EXPECT_EQ(std::ranges::count(said, '\n'), 0) << said;
  }
  EXPECT_EQ(problem("name = \"a\"\nmodule = \"builtin:chat\"\nschedule = \"reactive\""), "none");
}

TEST(Manifest, SaysWhenItWakes) {
  const auto wakes = [](std::string_view lines) {
    const auto parsed = Manifest::parse(fmt::format("name = \"a\"\n{}", lines));
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
    if (!parsed) return Wakes();
    const auto again = Manifest::parse(parsed->to_text());
    EXPECT_TRUE(again && *again == *parsed) << parsed->to_text();
    return parsed->wakes;
  };
  EXPECT_EQ(wakes(""), Wakes());
  EXPECT_EQ(wakes("schedule = \"continuous\"").mode, Wakes::Mode::kContinuous);
  EXPECT_EQ(wakes("schedule = { continuous = { check_interval_secs = 5 } }").interval,
            std::chrono::seconds(5));
  const Wakes periodic = wakes(
      "schedule = { periodic = { cron = \"0 9 * * mon-fri\", missed = \"skip\" } }\n"
      "[autonomous]\nquiet_hours = \"22:00-06:00\"\ntime_zone = \"Europe/Paris\"\n"
      "heartbeat_interval_secs = 7\nmax_restarts = 3");
  EXPECT_EQ(periodic, (Wakes{.mode = Wakes::Mode::kPeriodic,
                             .cron = "0 9 * * mon-fri",
                             .missed = schedule::Missed::kSkip,
                             .time_zone = "Europe/Paris",
                             .quiet_hours = "22:00-06:00",
                             .heartbeat = std::chrono::seconds(7),
                             .restarts_max = 3}));
  EXPECT_EQ(
      wakes("schedule = { proactive = { conditions = [\"memory:x\", \"all\"], max_fires = 2 } }"),
      (Wakes{.mode = Wakes::Mode::kProactive, .conditions = {"memory:x", "all"}, .fires_max = 2}));
  for (std::string_view bad :
       {"schedule = \"often\"", "schedule = {}", "schedule = { periodic = {} }",
        "schedule = { periodic = { cron = \"at noon\" } }",
        "schedule = { periodic = { cron = \"every 1h\" }, continuous = {} }",
        "schedule = { proactive = { conditions = [\"events\"] } }",
        "[autonomous]\nquiet_hours = \"late\"", "[autonomous]\ntime_zone = \"Mars\""})
    EXPECT_NE(problem(fmt::format("name = \"a\"\n{}", bad)), "none") << bad;
}

TEST(Manifest, HasLimits) {
  EXPECT_NE(problem(fmt::format("name = \"a\"\ndescription = \"{}\"", std::string(3000, 'x'))),
            "none");
  EXPECT_EQ(Manifest::parse(std::string(Manifest::bytes_max + 1, '#')).error().code,
            Code::kTooLarge);
  std::string many = "name = \"a\"\ntags = [";
  for (int i = 0; i < 300; ++i) many += "\"x\",";
  EXPECT_NE(problem(many + "]"), "none");
}

struct Case {
  std::string_view parent, child, denied;  // empty: allowed
};
void check(const Case& one) {
  const Manifest parent = parsed(fmt::format("name = \"p\"\n{}", one.parent));
  const Manifest child = parsed(fmt::format("name = \"c\"\n{}", one.child));
  const Result<void> ok = child.check_child_of(parent);
  if (one.denied.empty()) {
    EXPECT_TRUE(ok) << one.child << ": " << (ok ? "" : ok.error().message);
  } else {
    ASSERT_FALSE(ok) << one.child;
    EXPECT_EQ(ok.error().code, Code::kDenied);
    EXPECT_NE(ok.error().message.find(one.denied), std::string::npos) << ok.error().message;
  }
}

TEST(Manifest, AChildNeverHoldsWhatItsParentLacks) {
  constexpr std::string_view kParent =
      "exec_policy = \"deny\"\ntool_blocklist = [\"file_list\"]\n[model]\nprovider = \"openai\"\n"
      "model = \"m\"\napi_key_env = \"K\"\n"
      "[resources]\nmax_cost_per_day_usd = 1\n"
      "[capabilities]\ntools = [\"file_read\", \"file_list\", \"agent_spawn\", \"memory_*\"]\n"
      "memory_write = [\"self.*\"]\n";
  constexpr std::string_view kHead =
      "exec_policy = \"deny\"\ntool_blocklist = [\"file_list\"]\n[resources]\n"
      "max_cost_per_day_usd = 1\nmax_tool_calls_per_minute = 60\n[capabilities]\n";
  const auto with = [&](std::string_view capabilities) {
    return std::string(kHead) + std::string(capabilities);
  };
  check({kParent, with("tools = [\"file_read\"]"), ""});
  check({kParent, with("tools = [\"shell_exec\"]"), "shell_exec"});
  check({kParent, with("tools = [\"*\"]"), "tool_invoke"});
  check({kParent, with("tools = []\nnetwork = [\"*\"]"), "net_connect \"*\""});
  check({kParent, with("tools = []\nmemory_write = [\"self.notes.*\"]"), ""});
  check({kParent, with("tools = []\nmemory_write = [\"*\"]"), "memory_write \"*\""});
  check({kParent, with("tools = []\nagent_kill = [\"x\"]"), "agent_kill"});
  check({kParent, "exec_policy = \"full\"\n[capabilities]\ntools = []", "exec_policy \"full\""});
  check({kParent,
         "exec_policy = \"deny\"\n[resources]\nmax_cost_per_day_usd = 2\n[capabilities]\n"
         "tools = []",
         "max_cost_per_day_usd"});
  check({kParent, "exec_policy = \"deny\"\n[capabilities]\ntools = [\"file_list\"]", "file_list"});
  check({kParent,
         "exec_policy = \"deny\"\nworkspace = \"other\"\n[resources]\n"
         "max_cost_per_day_usd = 1\n[capabilities]\ntools = []",
         "workspace"});
  check({kParent,
         "exec_policy = \"deny\"\n[model]\nprovider = \"openai\"\nmodel = \"m\"\n"
         "base_url = \"http://evil.example\"\n[resources]\nmax_cost_per_day_usd = 1\n"
         "[capabilities]\ntools = []",
         "base_url"});
}

TEST(Manifest, AChildTakesOverItsParentsBounds) {
  const Manifest parent = parsed(
      "name = \"p\"\nexec_policy = \"deny\"\ntool_blocklist = [\"web_fetch\"]\n[resources]\n"
      "max_llm_tokens_per_day = 10\nmax_cost_per_day_usd = 1\n[capabilities]\ntools = "
      "[\"file_read\"]");
  const Manifest child =
      parsed(
          "name = \"c\"\n[resources]\nmax_cost_per_day_usd = 0.5\n[capabilities]\ntools = "
          "[\"file_read\"]")
          .bounded_by(parent);
  EXPECT_EQ(child.tokens_per_day, 10);
  EXPECT_EQ(child.usd_per_day, 0.5);
  EXPECT_EQ(child.exec_policy, ExecPolicy::kDeny);
  EXPECT_TRUE(child.check_child_of(parent));
}

}  // namespace
}  // namespace skep::agent
