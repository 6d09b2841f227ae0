#include "outbox.h"

#include <algorithm>

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
  item.serial = ++serial_;
  if (!item.lane.empty()) lanes_[item.lane].push_back(item.serial);
  const auto at = items_.emplace(item.serial, std::move(item)).first;
  if (at->second.acknowledged) by_id_.emplace(at->second.id, at);
  return &at->second;
}

Outbox::Item* Outbox::find(std::string_view id) {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &found->second->second;
}

bool Outbox::is_first(const Item& item) const {
  return item.lane.empty() || lanes_.at(item.lane).front() == item.serial;
}

Outbox::Item* Outbox::first_of(const std::string& lane) {
  const auto found = lanes_.find(lane);
  return found == lanes_.end() ? nullptr : &items_.at(found->second.front());
}

std::optional<Outbox::Item> Outbox::settle(std::string_view id) {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) return {};
  const Items::iterator at = found->second;
  by_id_.erase(found);
  leave_lane(at->second);
  Item item = std::move(at->second);
  bytes_ -= item.frame.size();
  items_.erase(at);
  return item;
}

void Outbox::leave_lane(const Item& item) {
  const auto lane = lanes_.find(item.lane);
  if (lane == lanes_.end()) return;
  std::erase(lane->second, item.serial);
  if (lane->second.empty()) lanes_.erase(lane);
}

void Outbox::erase(Items::iterator at) {
  bytes_ -= at->second.frame.size();
  leave_lane(at->second);
  if (at->second.acknowledged) by_id_.erase(at->second.id);
  items_.erase(at);
}

}  // namespace skep::fabric
