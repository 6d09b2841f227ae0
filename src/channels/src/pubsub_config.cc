#include "skep/channels/pubsub_config.h"

namespace skep::channels {
namespace {

void read(ConfigSection& section, std::string_view key, xmpp::Jid& into) {
  std::string text;
  if (!section.read(key, text)) return section.problem(key, "is required");
  auto jid = xmpp::Jid::parse(text);
  if (!jid) return section.problem(key, jid.error().message);
  into = jid->bare();
}

}  // namespace

std::vector<PubSubConfig> PubSubConfig::read(ConfigSection root) {
  std::vector<PubSubConfig> nodes;
  for (ConfigSection& section : root.list("pubsub")) {
    PubSubConfig node;
    read(section, "service", node.service);
    read(section, "target", node.target);
    section.read("node", node.node);
    section.read("prompt", node.prompt);
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
