#include "outbox.h"

namespace skep::fabric {

Result<Outbox::Item*> Outbox::keep(Item item) {
  if (items_.size() >= messages_max_ || bytes_ + item.frame.size() > bytes_max_) {
    return fail(
        Code::kExhausted,
        fmt::format("{} messages wait for the router already; try again later", items_.size()));
  }
  if (item.acknowledged && by_id_.contains(item.id))
    return fail(Code::kExists, fmt::format("message {} is on its way already", item.id));
  bytes_ += item.frame.size();
  const auto at = items_.emplace(++serial_, std::move(item)).first;
  if (at->second.acknowledged) by_id_.emplace(at->second.id, at);
  return &at->second;
}

Outbox::Item* Outbox::find(std::string_view id) {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &found->second->second;
}

std::optional<Outbox::Item> Outbox::settle(std::string_view id) {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) return {};
  Item item = std::move(found->second->second);
  bytes_ -= item.frame.size();
  items_.erase(found->second);
  by_id_.erase(found);
  return item;
}

void Outbox::erase(Items::iterator at) {
  bytes_ -= at->second.frame.size();
  if (at->second.acknowledged) by_id_.erase(at->second.id);
  items_.erase(at);
}

}  // namespace skep::fabric
