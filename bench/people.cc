#include "people.h"

#include <fmt/format.h>

#include "model_answers.h"
#include "skep/base/id.h"

namespace skep::bench {
namespace {

constexpr std::chrono::seconds kRoundMax{300};

}  // namespace

Message message_from(const std::string& peer, std::string text) {
  Message message{.id = MessageId(mint_ulid()), .from = Ilk{Uuid::random()}};
  message.sent_at = Clock::system().now();
  message.conversation = {.channel = "bench", .peer = peer, .thread = ""};
  message.reply_address = {.from = "agent@bench", .to = peer};
  message.parts.emplace_back(TextPart{std::move(text)});
  return message;
}

Task<void> People::run(Order order, std::string text) {
  if (order.target == "stuck") ask_stuck();
  Round round;
  begin_round(order, std::move(text), round);
  Ctx ctx;
  ctx = ctx.within(kRoundMax);
  while (round.count() < order.count) {
    if (auto waited = co_await done_.wait(ctx); !waited)
      die("turns: " + waited.error().to_string());
  }
  round_ = nullptr;
  if (order.target == "stuck" && stuck_id_.empty()) die("nobody was stuck to the end");
  round.print();
}

Result<void> People::deliver(Message message) {
  if (message.kind != Kind::kReply) return {};
  if (!stuck_id_.empty() && message.in_reply_to.str() == stuck_id_) {
    stuck_id_.clear();
    return {};
  }
  const auto at = asked_.find(message.in_reply_to.str());
  if (at == asked_.end()) die("a reply to nothing that was asked, or a second one");
  Slot* slot = at->second;
  asked_.erase(at);
  round_->add(slot->started);
  last_reply_ = text_of(message.parts);
  if (check_ && last_reply_ != kFinalText) die("unexpected reply: " + last_reply_);
  if (round_->count() == round_wanted_) done_.notify_all();
  if (to_start_-- > 0) loop_.post([this, slot] { ask(*slot); });
  return {};
}

void People::begin_round(const Order& order, std::string text, Round& round) {
  const auto wanted = static_cast<std::size_t>(order.in_flight);
  while (slots_.size() < wanted) slots_.push_back(std::make_unique<Slot>());
  round_ = &round;
  round_wanted_ = order.count;
  text_ = std::move(text);
  to_start_ = order.count - order.in_flight;
  for (std::size_t i = 0; i < wanted; ++i) ask(*slots_[i]);
}

void People::ask(Slot& slot) {
  if (slot.turns++ % kTurnsPerConversation == 0)
    slot.peer = fmt::format("person-{:08}@bench", ++people_);
  Message message = message_from(slot.peer, text_);
  asked_[message.id.str()] = &slot;
  slot.started = Steady::now();
  if (auto sent = send_(std::move(message)); !sent) die("sending: " + sent.error().to_string());
}

void People::ask_stuck() {
  if (!stuck_id_.empty()) return;
  Message message = message_from("stuck@bench", std::string(kStuckText));
  stuck_id_ = message.id.str();
  if (auto sent = stuck_(std::move(message)); !sent) die("sending: " + sent.error().to_string());
}

}  // namespace skep::bench
