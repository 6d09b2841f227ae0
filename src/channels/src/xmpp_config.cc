#include <algorithm>

#include "skep/base/text.h"
#include "skep/channels/xmpp_channel.h"

namespace skep::channels {
namespace {

using Entries = std::vector<std::string>;

Result<std::string> normal_domain(std::string_view text) {
  SKEP_TRY(const xmpp::Jid jid, xmpp::Jid::parse(text));
  if (!jid.local().empty() || !jid.is_bare())
    return fail(Code::kInvalid, "expected a domain like \"example.org\"");
  return jid.domain();
}

Result<std::string> normal_address(std::string_view text) {
  SKEP_TRY(const xmpp::Jid jid, xmpp::Jid::parse(text));
  if (jid.local().empty()) {
    return fail(Code::kInvalid, "an address needs a part before \"@\"; write \"@" + jid.domain() +
                                    "\" for everybody of a domain");
  }
  return jid.bare().str();
}

Result<std::string> normal_entry(std::string_view text) {
  if (text == "*") return std::string(text);
  if (!text.starts_with('@')) return normal_address(text);
  SKEP_TRY(const std::string domain, normal_domain(text.substr(1)));
  return "@" + domain;
}

Result<std::string> normal_domain_entry(std::string_view text) {
  return text == "*" ? Result<std::string>(std::string(text)) : normal_domain(text);
}

// Reads a list and normalises each entry; a bad one is a problem and left out.
void read_list(ConfigSection& section, std::string_view key,
               Result<std::string> (*normal)(std::string_view), Entries& into) {
  Entries raw;
  if (!section.read(key, raw)) return;
  for (const std::string& text : raw) {
    auto entry = normal(trim(text));
    if (entry) {
      into.push_back(*std::move(entry));
    } else {
      section.problem(key, fmt::format("\"{}\": {}", text, entry.error().message));
    }
  }
}

// The component's people have their accounts on the domain above it ("agent.example.org":
// "example.org").
Entries own_domains(const xmpp::XmppConfig& link) {
  Entries domains;
  const std::string own = link.address().domain();
  if (own.empty()) return domains;  // a problem of the link's own configuration
  domains.push_back(own);
  if (link.mode != xmpp::XmppConfig::Mode::kComponent) return domains;
  if (const auto dot = own.find('.'); dot != std::string::npos)
    domains.push_back(own.substr(dot + 1));
  for (const std::string& text : link.user_domains) {
    if (auto domain = normal_domain(text)) domains.push_back(*std::move(domain));
  }
  return domains;
}

bool is_language(std::string_view text) {
  return text.size() <= 35 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

void read_agent(ConfigSection agent, XmppChannelConfig& config) {
  using namespace std::chrono_literals;
  agent.read("name", config.agent_name);
  agent.read("language", config.language);
  if (!is_language(config.language))
    agent.problem("language", "must be a language tag like \"de\" or \"pt-BR\"");
  read_list(agent, "allowed_jids", normal_entry, config.allow.addresses);
  read_list(agent, "allowed_domains", normal_domain_entry, config.allow.domains);
  read_list(agent, "admin_jids", normal_address, config.allow.admins);
  agent.read("flood_per_minute", config.flood_per_minute, {.min = 1, .max = 10'000});
  agent.read("flood_burst", config.flood_burst, {.min = 1, .max = 10'000});
  agent.read_duration("max_message_age_secs", 1s, config.message_age_max);
  agent.read("reply_max_bytes", config.reply_bytes_max, {.min = 512, .max = 200'000});
  std::string long_reply = config.long_reply.as_file ? "file" : "split";
  agent.read_choice("long_reply", {"split", "file"}, long_reply);
  config.long_reply.as_file = long_reply == "file";
  agent.read("long_reply_bytes", config.long_reply.bytes_max, {.min = 1024, .max = 1'000'000});
  agent.read("styling", config.styling);
  agent.read("stream_corrections", config.stream_corrections);
  agent.read("outbox_max", config.outbox_max, {.min = 1, .max = 1'000'000});
}

// What [server] and each of [[accounts]] have alike.
void read_link(ConfigSection root, ConfigSection server, XmppChannelConfig& config) {
  config.link = xmpp::XmppConfig::read(root, server);
  server.read("agent", config.agent);
  config.profile.read(server);
  if (config.link.mode == xmpp::XmppConfig::Mode::kComponent) {
    config.addresses = EntrypointConfig::read(server, config.link.component_domain);
  } else {
    for (ConfigSection& section : server.list("addresses")) {
      if (section.has("local")) section.problem("local", "only a component has several addresses");
    }
  }
  config.allow.own_domains = own_domains(config.link);
  for (const std::string& domain : config.link.user_domains) {
    if (auto normal = normal_domain(domain); !normal)
      server.problem("user_domains", "\"" + domain + "\": " + normal.error().message);
  }
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

void take_rooms(const std::vector<RoomConfig>& rooms, XmppChannelConfig& config) {
  for (const RoomConfig& room : rooms) {
    if (room.account == config.label) config.rooms.push_back(room);
  }
}

XmppChannelConfig read_account(ConfigSection root, ConfigSection section,
                               const XmppChannelConfig& common) {
  XmppChannelConfig one = common;
  section.read("id", one.label);
  if (!is_label(one.label))
    section.problem("id", "must be 1 to 32 characters from a-z 0-9 _ -, like \"sales\"");
  read_link(root, section, one);
  one.entrypoint = one.link.address().str();
  return one;
}

void check_account(ConfigSection& section, const XmppChannelConfig& one,
                   const std::vector<XmppChannelConfig>& others) {
  for (const XmppChannelConfig& other : others) {
    if (other.label == one.label) section.problem("id", one.label + " is there twice");
    if (other.link.address() == one.link.address() && !one.link.address().empty())
      section.problem("id", one.link.address().str() + " is there twice");
  }
  if (others.size() == XmppChannelConfig::kAccountsMax)
    section.problem("id", fmt::format("at most {} accounts", XmppChannelConfig::kAccountsMax));
}

}  // namespace

XmppChannelConfig XmppChannelConfig::read(ConfigSection root,
                                          std::vector<XmppChannelConfig>* accounts) {
  XmppChannelConfig config;
  ConfigSection server = root.child("server");
  ConfigSection agent = root.child("agent");
  read_agent(agent, config);
  config.presence = PresenceConfig::read(root);
  config.signals = SignalsConfig::read(root.child("signals"));
  const std::vector<RoomConfig> rooms = RoomConfig::read(root);
  const XmppChannelConfig common = config;
  std::vector<ConfigSection> others;
  if (accounts != nullptr) others = root.list("accounts");
  for (ConfigSection& section : others) {
    XmppChannelConfig one = read_account(root, section, common);
    check_account(section, one, *accounts);
    take_rooms(rooms, one);
    accounts->push_back(std::move(one));
  }
  if ((server.present() || !others.empty()) && !agent.has("allowed_jids") && !root.has("users")) {
    agent.problem("allowed_jids",
                  "who may write to the agent over XMPP must be said: allowed_jids = "
                  "[\"you@example.org\"], [\"@example.org\"] for a "
                  "whole domain, or [\"*\"] for everybody of the allowed domains");
  }
  take_rooms(rooms, config);
  for (const RoomConfig& room : rooms) {
    const bool known =
        accounts == nullptr || room.account.empty() ||
        std::ranges::find(*accounts, room.account, &XmppChannelConfig::label) != accounts->end();
    if (!known)
      root.problem("rooms", fmt::format("{}: there is no [[accounts]] with the id \"{}\"",
                                        room.room.str(), room.account));
  }
  config.pubsub = PubSubConfig::read(root);
  if (server.present()) {
    read_link(root, server, config);
    return config;
  }
  config.link = xmpp::XmppConfig::read(root);  // [keepalive] and [reconnect]
  if (!config.rooms.empty()) root.problem("rooms", "rooms are on XMPP: they need [server] as well");
  if (!config.pubsub.empty())
    root.problem("pubsub", "nodes are on XMPP: they need [server] as well");
  return config;
}

// As the registry of agents names its nodes: the main one by its label, others as they are written.
Name XmppChannelConfig::node_of_agent(const std::string& name, const std::string& hive) const {
  if (!equals_ignoring_ascii_case(name, agent_name)) {
    if (auto exact = Name::parse("AI." + name, hive)) return *exact;
  }
  return Name::from_label(NodeType::kAgent, name, hive);
}

void XmppChannelConfig::keep_files_in(const std::string& directory) {
  const std::string suffix = label.empty() ? "" : "-" + label;
  subscribers_file = fmt::format("{}/xmpp-subscribers{}.json", directory, suffix);
  archive_file = fmt::format("{}/xmpp-archive{}.json", directory, suffix);
  room_archive_file = fmt::format("{}/xmpp-room-archive{}.json", directory, suffix);
  rooms_file = fmt::format("{}/xmpp-rooms{}.json", directory, suffix);
  greeted_file = fmt::format("{}/xmpp-greeted{}.json", directory, suffix);
}

}  // namespace skep::channels
