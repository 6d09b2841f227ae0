// Nodes whose items are given to the agent.
#pragma once

#include <functional>
#include <map>

#include "admission.h"
#include "entrypoints.h"
#include "skep/async/gate.h"
#include "skep/xmpp/pubsub.h"
#include "turns.h"

namespace skep::channels {

// Subscribes to the configured nodes whenever the link comes up, and asks for what was published in
// between. Each item makes one turn, through restarts too, and what the agent says goes to the
// node's target. What stood in a node before it was first subscribed to makes none. Loop thread
// only.
class PubSub {
 public:
  static constexpr std::string_view kSeenSet = "seen-pubsub";
  static constexpr std::string_view kBegunSet = "pubsub-begun";  // nodes that were read once
  static constexpr std::chrono::seconds kAskTimeout{30};
  static constexpr std::chrono::seconds kRetryPause{60};  // after a refused subscription

  struct Deps {
    const XmppChannelConfig& config;
    XmppChannelDeps& channel;
    Turns& turns;
    Gate& gate;
    XmppChannelStats& stats;
    std::function<Task<Result<xmpp::Element>>(Ctx, xmpp::Element)> request;
    xmpp::Jid own;  // bare: subscribes, and speaks to people
    const Entrypoints& entrypoints;
    bool with_from = true;
  };
  explicit PubSub(Deps deps);

  void up();
  void down() { ++generation_; }
  // A message with an event. True: it was of a configured node, and is dealt with.
  Task<bool> take(Ctx ctx, xmpp::Element message);

 private:
  // Who is told of a node's items, and the address of ours that speaks for it.
  struct Voice {
    Destination agent;
    xmpp::Jid address;
    std::string entrypoint;
  };
  [[nodiscard]] Voice voice_of(const PubSubConfig& node) const;
  Task<void> subscribe(Ctx ctx, const PubSubConfig* node, std::uint64_t generation);
  Task<Result<void>> catch_up(Ctx ctx, const PubSubConfig* node);
  Task<void> handle(Ctx ctx, const PubSubConfig* node, xmpp::PubSubItem item);
  Message to_message(const PubSubConfig& node, const xmpp::PubSubItem& item, const Ilk& from) const;
  [[nodiscard]] bool is_seen(const std::string& key) const;
  void remember(std::string_view set, const std::string& key);

  Deps deps_;
  std::map<const PubSubConfig*, FloodLimit> pace_;
  std::uint64_t generation_ = 0;
};

}  // namespace skep::channels
