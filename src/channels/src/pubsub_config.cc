#include "skep/channels/pubsub_config.h"

namespace skep::channels {
namespace {

xmpp::Jid address(ConfigSection& section, std::string_view key, const std::string& text) {
  auto jid = xmpp::Jid::parse(text);
  if (jid) return jid->bare();
  section.problem(key, text.empty() ? "is required" : jid.error().message);
  return {};
}

}  // namespace

std::vector<PubSubConfig> PubSubConfig::read(ConfigSection root) {
  std::vector<PubSubConfig> nodes;
  for (ConfigSection& section : root.list("pubsub")) {
    PubSubConfig node;
    std::string service, target;
    section.read("service", service);
    section.read("target", target);
    node.service = address(section, "service", service);
    node.target = address(section, "target", target);
    section.read("node", node.node);
    section.read("prompt", node.prompt);
    section.read("agent", node.agent);
    section.read("items_per_minute", node.items_per_minute, {.min = 1, .max = 600});
    for (const auto& [key, value] :
         {std::pair("node", node.node), std::pair("prompt", node.prompt)})
      if (value.empty()) section.problem(key, "is required");
    nodes.push_back(std::move(node));
  }
  if (nodes.size() > kNodesMax) root.problem("pubsub", fmt::format("at most {} nodes", kNodesMax));
  return nodes;
}

}  // namespace skep::channels
