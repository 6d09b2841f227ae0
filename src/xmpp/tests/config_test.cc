#include <gtest/gtest.h>

#include "skep/xmpp/session.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;

struct Loaded {
  XmppConfig config;
  std::string problems;
};

Loaded load(std::string_view toml) {
  ConfigFile file =
      ConfigFile::parse(toml, "skep.toml", [](std::string_view) { return std::nullopt; }).value();
  Loaded loaded{.config = XmppConfig::read(file.root())};
  for (const auto& problem : file.problems())
    loaded.problems += problem.where + ": " + problem.message + "\n";
  return loaded;
}

TEST(XmppConfig, ReadsAComponent) {
  const Loaded loaded = load(
      "[server]\nmode = 'component'\nhost = '10.0.0.1'\nport = 5275\n"
      "component_domain = 'Agent.example'\ncomponent_secret = 's'\nuser_domains = ['example']\n"
      "[keepalive]\nping_interval_secs = 30\n[reconnect]\nmax_secs = 90\nmax_attempts = 4\n");
  EXPECT_EQ(loaded.problems, "");
  EXPECT_EQ(loaded.config.mode, XmppConfig::Mode::kComponent);
  EXPECT_EQ(loaded.config.port, 5275);
  EXPECT_EQ(loaded.config.address().str(), "agent.example");
  EXPECT_EQ(loaded.config.component_secret.reveal(), "s");
  EXPECT_EQ(loaded.config.ping_interval, 30s);
  EXPECT_EQ(loaded.config.read_timeout, 300s);
  EXPECT_EQ(loaded.config.reconnect_max, 90s);
  EXPECT_EQ(loaded.config.reconnect_max_attempts, 4);
}

TEST(XmppConfig, ReadsAClient) {
  const Loaded loaded = load(
      "[server]\nmode = 'client'\njid = 'Bot@example/x'\npassword = 'p'\nresource = ''\n"
      "allow_plain = true\ndirect_tls = true\ntls_verify = false\n[keepalive]\nenabled = false\n");
  EXPECT_EQ(loaded.problems, "");
  EXPECT_EQ(loaded.config.address().str(), "bot@example");
  EXPECT_EQ(loaded.config.resource, "");
  EXPECT_TRUE(loaded.config.allow_plain);
  EXPECT_FALSE(loaded.config.keepalive_enabled);
}

TEST(XmppConfig, WithoutTheSectionNothingIsMissing) { EXPECT_EQ(load("").problems, ""); }

TEST(XmppConfig, SaysWhatIsWrong) {
  const struct {
    const char* toml;
    const char* problem;
  } table[] = {
      {"[server]\nmode = 'component'\ncomponent_secret = 's'\n", "component_domain"},
      {"[server]\nmode = 'component'\ncomponent_domain = 'a.b'\n", "component_secret"},
      {"[server]\nmode = 'component'\ncomponent_domain = 'x@a.b'\ncomponent_secret = 's'\n",
       "must be a domain"},
      {"[server]\nmode = 'client'\njid = 'example'\npassword = 'p'\n", "before @"},
      {"[server]\nmode = 'client'\njid = 'a@'\npassword = 'p'\n", "no XMPP address"},
      {"[server]\nmode = 'client'\npassword = 'p'\n", "jid"},
      {"[server]\nmode = 'client'\njid = 'a@b'\n", "password"},
      {"[server]\nmode = 'server'\n", "mode"},
      {"[server]\nhost = 'h'\n", "mode"},
      {"[server]\nmode = 'client'\njid = 'a@b'\npassword = 'p'\nport = 70000\n", "port"},
      {"[keepalive]\nping_interval_secs = 0\n", "ping_interval_secs"},
      {"[reconnect]\ninitial_secs = 90\n", "max_secs"},
  };
  for (const auto& row : table) {
    EXPECT_NE(load(row.toml).problems.find(row.problem), std::string::npos)
        << row.toml << load(row.toml).problems;
  }
}

}  // namespace
}  // namespace skep::xmpp
