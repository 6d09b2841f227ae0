#include "skep/base/text.h"
#include "skep/xmpp/session.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;

// What names a secret that could not be read is a problem already.
bool names_secret(const ConfigSection& section, const std::string& key) {
  return section.has(key) || section.has(key + "_file");
}

void read_component(ConfigSection& server, XmppConfig& config) {
  server.read("component_domain", config.component_domain);
  server.read("component_secret", config.component_secret);
  server.read("tls", config.tls);
  if (config.component_domain.empty())
    server.problem("component_domain", "is required in component mode");
  const auto domain = Jid::parse(config.component_domain);
  if (!config.component_domain.empty() && (!domain || domain->str() != domain->domain())) {
    server.problem("component_domain", "must be a domain, like agent.example.org");
  }
  if (config.component_secret.empty() && !names_secret(server, "component_secret"))
    server.problem("component_secret", "is required in component mode");
}

void read_client(ConfigSection& server, XmppConfig& config) {
  server.read("jid", config.jid);
  server.read("password", config.password);
  server.read("resource", config.resource);
  server.read("direct_tls", config.direct_tls);
  server.read("stream_management", config.stream_management);
  server.read("allow_plain", config.allow_plain);
  if (config.jid.empty()) {
    server.problem("jid", "is required in client mode");
  } else if (const auto jid = Jid::parse(config.jid); !jid) {
    server.problem("jid", jid.error().message);
  } else if (jid->local().empty()) {
    server.problem("jid", "needs a part before @, like bot@example.org");
  }
  if (config.password.empty() && !names_secret(server, "password"))
    server.problem("password", "is required in client mode");
}

void read_server(ConfigSection server, XmppConfig& config) {
  if (!server.present()) return;
  std::string mode = config.mode == XmppConfig::Mode::kClient ? "client" : "component";
  if (!server.read_choice("mode", {"component", "client"}, mode) && !server.has("mode")) {
    server.problem("mode", "is required: \"component\" or \"client\"");
  }
  config.mode = mode == "client" ? XmppConfig::Mode::kClient : XmppConfig::Mode::kComponent;
  server.read("host", config.host);
  int port = config.port;
  server.read("port", port, {.min = 1, .max = 65535});
  config.port = static_cast<std::uint16_t>(port);
  server.read("tls_verify", config.tls_verify);
  server.read("tls_ca_file", config.tls_ca_file);
  server.read("user_domains", config.user_domains);
  server.read("nameserver", config.nameserver);
  if (config.mode == XmppConfig::Mode::kClient) {
    read_client(server, config);
  } else {
    read_component(server, config);
  }
}

void read_keepalive(ConfigSection section, XmppConfig& config) {
  section.read("enabled", config.keepalive_enabled);
  section.read_duration("ping_interval_secs", 1s, config.ping_interval);
  section.read_duration("read_timeout_secs", 1s, config.read_timeout);
  section.read_duration("ping_timeout_secs", 1s, config.ping_timeout);
  for (const auto& [key, value] : {std::pair{"ping_interval_secs", config.ping_interval},
                                   std::pair{"read_timeout_secs", config.read_timeout},
                                   std::pair{"ping_timeout_secs", config.ping_timeout}}) {
    if (value < 1s) section.problem(key, "must be at least 1; to send nothing set enabled = false");
  }
}

void read_reconnect(ConfigSection section, XmppConfig& config) {
  section.read_duration("initial_secs", 1s, config.reconnect_initial);
  section.read_duration("max_secs", 1s, config.reconnect_max);
  section.read_duration("stable_secs", 1s, config.reconnect_stable);
  section.read("max_attempts", config.reconnect_max_attempts, {.min = 0});
  if (config.reconnect_initial < 1s) section.problem("initial_secs", "must be at least 1");
  if (config.reconnect_max < config.reconnect_initial)
    section.problem("max_secs", "is less than initial_secs");
}

}  // namespace

XmppConfig XmppConfig::read(ConfigSection root) { return read(root, root.child("server")); }

XmppConfig XmppConfig::read(ConfigSection root, ConfigSection server) {
  XmppConfig config;
  read_server(std::move(server), config);
  read_keepalive(root.child("keepalive"), config);
  read_reconnect(root.child("reconnect"), config);
  return config;
}

std::uint16_t XmppConfig::port_or_default() const {
  if (port != 0) return port;
  if (mode == Mode::kComponent) return 5347;
  return direct_tls ? 5223 : 5222;  // XEP-0368
}

Jid XmppConfig::address() const {
  const auto own = Jid::parse(mode == Mode::kComponent ? component_domain : jid);
  return own ? own->bare() : Jid();
}

}  // namespace skep::xmpp
