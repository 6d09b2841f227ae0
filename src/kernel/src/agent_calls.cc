#include "agent_calls.h"

#include "skep/model/reply.h"

namespace skep::kernel {
namespace {

// A command that the agent obeys even from another one: nobody waits for the answer any more.
void take_back(Inbox& out, Message question) {
  question.id = MessageId(mint_ulid());
  question.parts = {TextPart{"/cancel"}};
  (void)out.deliver(std::move(question));  // an agent that is gone has nothing to stop
}

}  // namespace

Task<Result<AgentCalls::Answer>> AgentCalls::ask(Ctx ctx, Inbox& out, Message message) {
  const std::string id = message.id.str();
  const Message question = message;
  Waiting waiting;
  waiting_[id] = &waiting;
  Result<void> got = out.deliver(std::move(message));
  const bool sent = got.has_value();
  while (got && !waiting.answer) got = co_await waiting.signal.wait(ctx);
  waiting_.erase(id);
  if (waiting.answer) co_return std::move(*waiting.answer);
  if (sent) take_back(out, question);
  co_return fail(std::move(got).error());
}

void AgentCalls::take(const Message& reply) {
  const auto found = waiting_.find(reply.in_reply_to.str());
  if (found == waiting_.end()) return;
  Waiting& waiting = *found->second;
  waiting.answer =
      Answer{.text = text_of(reply.parts), .ended = reply.meta.if_contains(kEndedMeta) != nullptr};
  waiting.answer->labels |= authority::Label::kUntrustedAgent;
  if (const auto taint = taint_in(reply)) waiting.answer->labels.bits = *taint;
  waiting.signal.notify_one();
}

}  // namespace skep::kernel
