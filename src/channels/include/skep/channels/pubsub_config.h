// [[pubsub]]: nodes (XEP-0060) whose items are given to the agent.
#pragma once

#include <string>
#include <vector>

#include "skep/base/config.h"
#include "skep/xmpp/jid.h"

namespace skep::channels {

struct PubSubConfig {
  xmpp::Jid service;  // bare
  std::string node;
  xmpp::Jid target;    // who gets what the agent says of an item: a person or one of [[rooms]]
  std::string prompt;  // what the agent is to do; the operator's words
  std::string agent;   // whose turn an item is: an agent's name; empty: as the address has it
  int items_per_minute = 6;  // given to the agent; more are dropped and counted

  static constexpr std::size_t kNodesMax = 50;
  // All [[pubsub]]. One without service, node, target or prompt is a problem.
  static std::vector<PubSubConfig> read(ConfigSection root);
};

}  // namespace skep::channels
