// Answers to what the agent wrote to somebody, on their way back to whoever had it write.
#include "xmpp_channel_impl.h"

namespace skep::channels {

Answers::Deps XmppChannelImpl::answers_deps() {
  return {.journal = deps_.journal,
          .clock = deps_.xmpp.clock,
          .stats = stats_,
          .hand_over =
              [this](Ctx ctx, Message message, const xmpp::Jid& from) {
                return hand_back(std::move(ctx), std::move(message), from);
              },
          .may_hear =
              [this](const Conversation& asker) {
                Message probe;
                probe.conversation = asker;
                probe.reply_address.to = asker.peer;
                if (rooms_.is_for_room(probe)) return true;
                const auto who = xmpp::Jid::parse(asker.peer);
                return who && who->is_bare() && admission_.permits(*who);
              }};
}

// Before it is sent: an answer may come at once.
Result<void> XmppChannelImpl::await_answer(const Unasked& unasked, const OutgoingReply& out) {
  if (unasked.answers_for.count() <= 0 || unasked.asker.channel != kind()) return {};
  const xmpp::Jid to = xmpp::Jid::parse(out.message.reply_address.to).value_or(xmpp::Jid());
  return answers_.await(
      {.id = out.message.id.str(),
       .from = xmpp::Jid::parse(out.message.reply_address.from).value_or(xmpp::Jid()).bare(),
       .to = to.bare(),
       .asker = unasked.asker,
       .said = text_of(out.message.parts),
       .until = deps_.xmpp.clock.now() + unasked.answers_for});
}

// A turn of that conversation, on the words of whoever answered.
Task<Result<void>> XmppChannelImpl::hand_back(Ctx ctx, Message message, xmpp::Jid from) {
  std::string who = from.bare().str();
  SKEP_CO_TRY(message.from,
              co_await deps_.directory.resolve(std::move(ctx), "xmpp", std::move(who)));
  message.dst = entrypoints_.of(message.reply_address.from).agent;
  const Asked asked{.type = rooms_.is_for_room(message) ? "groupchat" : "chat"};
  put_asked(message.meta, asked);
  const MessageId id = message.id;
  turns_.asked(message, asked);  // before: the turn may begin at once
  Result<void> taken = deps_.out.deliver(std::move(message));
  if (!taken) turns_.forget(id);
  co_return taken;
}

}  // namespace skep::channels
