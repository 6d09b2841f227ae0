#include "skep/fabric/texts.h"

#include <algorithm>

namespace skep::fabric {

bool Texts::holds(const NodeId& sender, std::string_view id) const {
  const auto at = senders_.find(sender);
  if (at == senders_.end()) return false;
  return std::ranges::any_of(at->second, [id](const Waiting& one) { return one.id == id; });
}

Result<void> Texts::fetch(Message message, Then then) {
  if (waiting_ >= waiting_max)
    return fail(Code::kExhausted, fmt::format("{} long texts are waiting already", waiting_));
  const NodeId sender = message.src;
  auto [at, fresh] = senders_.try_emplace(sender);
  std::string id = message.id.str();
  at->second.push_back({std::move(id), std::move(message), std::move(then)});
  ++waiting_;
  if (fresh) gate_.spawn("fabric texts", run(gate_.ctx(), sender));
  return {};
}

Task<void> Texts::run(Ctx ctx, NodeId sender) {
  while (!senders_.at(sender).empty()) {
    Waiting& first = senders_.at(sender).front();  // stays there: it is still being fetched
    const Then then = std::move(first.then);
    Message message = std::move(first.message);
    const bool offloaded = is_offloaded(message);
    Result<Message> whole = fail(Code::kCancelled, "closing");
    if (offloaded) {
      whole = co_await put_text_back(ctx, std::move(message), store_);
    } else {
      whole = std::move(message);
    }
    if (!ctx.check()) co_return;  // nobody is told: the sender asks again
    then(std::move(whole));
    senders_.at(sender).pop_front();
    --waiting_;
  }
  senders_.erase(sender);
}

}  // namespace skep::fabric
