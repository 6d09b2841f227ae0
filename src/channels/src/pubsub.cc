#include "pubsub.h"

#include <algorithm>

#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/base/untrusted.h"
#include "skep/model/reply.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::PubSubItem;

std::string name_of(const PubSubConfig& node) { return node.service.str() + " " + node.node; }

// Without an id its content is what makes it itself.
std::string key_of(const PubSubConfig& node, const PubSubItem& item) {
  const std::string text = fmt::format("pubsub\n{}\n{}\n{}", node.service.str(), node.node,
                                       item.id.empty() ? "\n" + item.text : item.id);
  return hex_encode(sha256(text).substr(0, 16));
}

}  // namespace

PubSub::PubSub(Deps deps) : deps_(std::move(deps)) {
  for (const PubSubConfig& node : deps_.config.pubsub)
    pace_.emplace(&node, FloodLimit(node.items_per_minute, node.items_per_minute));
}

void PubSub::up() {
  const std::uint64_t generation = ++generation_;
  for (const PubSubConfig& node : deps_.config.pubsub)
    deps_.gate.spawn("xmpp pubsub", subscribe(deps_.gate.ctx(), &node, generation));
}

Task<void> PubSub::subscribe(Ctx ctx, const PubSubConfig* node, std::uint64_t generation) {
  while (generation == generation_) {
    Element iq = xmpp::make_subscribe(deps_.own, node->service, node->node);
    const Ctx bounded = ctx.within(kAskTimeout);
    const auto answer = co_await deps_.request(bounded, std::move(iq));
    Result<void> done = answer ? Result<void>() : fail(answer.error());
    if (done) done = co_await catch_up(ctx, node);
    if (done) {
      log::info("xmpp", "subscribed to {}", name_of(*node));
      co_return;
    }
    if (generation != generation_) co_return;
    log::warn("xmpp", "not subscribed to {}: {}", name_of(*node), done.error().to_string());
    if (const auto slept = co_await sleep_for(ctx, kRetryPause); !slept) co_return;
  }
}

Task<Result<void>> PubSub::catch_up(Ctx ctx, const PubSubConfig* node) {
  Element iq = xmpp::make_items_request(deps_.own, node->service, node->node, xmpp::kItemsMax);
  const Ctx bounded = ctx.within(kAskTimeout);
  const auto answer = co_await deps_.request(bounded, std::move(iq));
  if (!answer) co_return fail(answer.error());
  auto found = xmpp::read_items(*answer);
  const std::string name = name_of(*node);
  const bool first = !deps_.channel.journal.remembers(kBegunSet, name);
  for (PubSubItem& item : found ? found->items : std::vector<PubSubItem>()) {
    if (first) {
      remember(kSeenSet, key_of(*node, item));
    } else {
      co_await handle(ctx, node, std::move(item));
    }
  }
  if (first) remember(kBegunSet, name);
  co_return Result<void>();
}

Task<bool> PubSub::take(Ctx ctx, Element message) {
  auto event = xmpp::read_event(message);
  const auto from = xmpp::Jid::parse(message.attribute("from"));
  if (!event || !from) co_return false;
  for (const PubSubConfig& node : deps_.config.pubsub) {
    if (node.service != from->bare() || node.node != event->node) continue;
    // Some services send the newest item with the subscription: it stood there before.
    const bool begun = deps_.channel.journal.remembers(kBegunSet, name_of(node));
    for (PubSubItem& item : event->items) {
      if (begun) {
        co_await handle(ctx, &node, std::move(item));
      } else {
        remember(kSeenSet, key_of(node, item));
      }
    }
    co_return true;
  }
  co_return false;
}

bool PubSub::is_seen(const std::string& key) const {
  const store::Journal& journal = deps_.channel.journal;
  // The other set has what a process that died had accepted and not remembered.
  return journal.remembers(kSeenSet, key) || journal.remembers(Admission::kSeenSet, key);
}

void PubSub::remember(std::string_view set, const std::string& key) {
  if (auto kept = deps_.channel.journal.remember(set, key); !kept)
    log::warn("xmpp", "an item may be read twice: {}", kept.error().to_string());
}

Task<void> PubSub::handle(Ctx ctx, const PubSubConfig* node, PubSubItem item) {
  const std::string key = key_of(*node, item);
  if (item.text.empty() || is_seen(key)) {
    ++deps_.stats.ignored;
    co_return;
  }
  const WallTime now = deps_.channel.xmpp.clock.now();
  if (pace_.at(node).take("", now) != FloodVerdict::kPass) {
    ++deps_.stats.event_floods;
    remember(kSeenSet, key);
    co_return;
  }
  std::string service = node->service.str();
  const Result<Ilk> ilk =
      co_await deps_.channel.directory.resolve(std::move(ctx), "xmpp", std::move(service));
  if (!ilk || is_seen(key)) co_return;  // the same item came by event and by question
  Message message = to_message(*node, item, *ilk);
  put_seen(message.meta, key);
  const MessageId id = message.id;
  deps_.turns.asked(message, asked_from(message.meta).value_or(Asked{}));
  const Result<void> taken = deps_.channel.out.deliver(std::move(message));
  if (!taken) {
    deps_.turns.forget(id);
    ++deps_.stats.refused;
    log::warn("xmpp", "an item of {} is refused: {}; it is asked for again at the next login",
              name_of(*node), taken.error().to_string());
    co_return;
  }
  ++deps_.stats.events;
  remember(kSeenSet, key);
}

// An agent that has an address of its own speaks from there, so that who answers reaches it.
PubSub::Voice PubSub::voice_of(const PubSubConfig& node) const {
  const Entrypoint& usual = deps_.entrypoints.of(deps_.own);
  if (node.agent.empty()) return {usual.agent, deps_.own, usual.id};
  Voice voice{deps_.config.node_of_agent(node.agent, deps_.channel.hive), deps_.own, usual.id};
  for (const Entrypoint* one : deps_.entrypoints.all()) {
    if (one->agent == voice.agent) return {voice.agent, one->address, one->id};
  }
  return voice;
}

// The operator says what is to be done; what was published is data.
Message PubSub::to_message(const PubSubConfig& node, const PubSubItem& item,
                           const Ilk& from) const {
  const bool room = std::ranges::any_of(
      deps_.config.rooms, [&](const RoomConfig& one) { return one.room == node.target; });
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = message.id.str();
  const Voice voice = voice_of(node);
  message.dst = voice.agent;
  message.kind = Kind::kUser;
  message.sent_at = deps_.channel.xmpp.clock.now();
  message.from = from;
  message.conversation = {.channel = "xmpp",
                          .peer = node.target.str(),
                          .entrypoint = room ? deps_.config.entrypoint : voice.entrypoint};
  message.reply_address = {.from = deps_.with_from ? voice.address.str() : std::string(),
                           .to = node.target.str()};
  message.parts = {
      TextPart{fmt::format("[An item was published in {}]\n{}\n\n{}", name_of(node), node.prompt,
                           framed_untrusted("pubsub " + name_of(node), item.text))}};
  put_asked(message.meta, {.type = room ? "groupchat" : "chat"});
  put_role(message, Role::kUser);  // the configuration speaks, whoever reads the answer
  put_taint(message, kTaintOfOutsiders);
  return message;
}

}  // namespace skep::channels
