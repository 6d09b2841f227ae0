#include "name_table.h"

#include <utility>

namespace skep::fabric {

Member NameTable::member(const TableEntry& entry) {
  const NodeAt& node = entry.at;
  return {.entry = &entry,
          .zone = node.zone.value_or(0),
          .system = !node.zone.has_value(),
          .foreign = node.where == NodeAt::Where::kHive};
}

void NameTable::add(const TableEntry& entry) {
  if (5 * (size_ + 1) > 4 * slots_.size()) grow();
  const std::string& name = entry.at.name.str();
  Slot& slot = slots_[find(name)];
  if (slot.first.entry != nullptr) {
    if (slot.more == nullptr) slot.more = std::make_unique<std::vector<Member>>();
    slot.more->push_back(member(entry));
    entry.member = static_cast<std::uint32_t>(slot.more->size());
    return;
  }
  ++size_;
  entry.member = 0;
  slot.first = member(entry);
  slot.check = check_of(hash_text(name, seed_));
  slot.size = name.size() <= kInline ? static_cast<std::uint8_t>(name.size()) : 0;
  std::memcpy(slot.text, name.data(), slot.size);
}

void NameTable::set_zone(const TableEntry& entry, std::uint32_t zone) {
  Slot& slot = slots_[find(entry.at.name.str())];
  (entry.member == 0 ? slot.first : (*slot.more)[entry.member - 1]).zone = zone;
}

// The last namesake takes the place of the one that leaves.
void NameTable::remove(const TableEntry& entry) {
  const std::size_t at = find(entry.at.name.str());
  Slot& slot = slots_[at];
  if (slot.more == nullptr) return free_slot(at);
  const Member last = slot.more->back();
  last.entry->member = entry.member;
  (entry.member == 0 ? slot.first : (*slot.more)[entry.member - 1]) = last;
  slot.more->pop_back();
  if (slot.more->empty()) slot.more.reset();
}

// Whoever was pushed past the hole by a full run moves back into it.
void NameTable::free_slot(std::size_t hole) {
  --size_;
  for (std::size_t at = after(hole); slots_[at].first.entry != nullptr; at = after(at)) {
    if (((at - home(slots_[at])) & mask()) < ((at - hole) & mask())) continue;
    slots_[hole] = std::move(slots_[at]);
    hole = at;
  }
  slots_[hole] = Slot{};
}

void NameTable::grow() {
  std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
  for (Slot& slot : before) {
    if (slot.first.entry == nullptr) continue;
    std::size_t at = home(slot);
    while (slots_[at].first.entry != nullptr) at = after(at);
    slots_[at] = std::move(slot);
  }
}

}  // namespace skep::fabric
