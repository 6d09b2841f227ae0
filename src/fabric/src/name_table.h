// Nodes by their exact name: open addressing with one cache line for each name, so that a look-up
// costs one miss however many names there are.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "skep/fabric/routes.h"
#include "text_hash.h"

namespace skep::fabric {

// One node in the table. `at` is what others see of it.
struct TableEntry {
  NodeAt at;
  std::uint64_t key = 0;             // node_key() of its id
  mutable std::uint32_t member = 0;  // its place among its namesakes; NameTable keeps it
  TableEntry *exit_before = nullptr, *exit_after = nullptr;  // others behind the same exit
};

// What most choices need of a node, beside its name.
struct Member {
  const TableEntry* entry = nullptr;
  std::uint32_t zone = 0;
  bool system = false;   // in no zone
  bool foreign = false;  // NodeAt::Where::kHive
};

// Does not own the entries. Adding is constant time on average: the slots, 64 bytes each and at
// most four fifths of them taken, double now and then.
class NameTable {
 public:
  // `seed`: random, so that nobody can choose names that collide.
  explicit NameTable(std::uint64_t seed) : seed_(seed), slots_(kSlotsMin) {}

  // Calls `visit` with each Member of that name.
  template <class Visit>
  void each(std::string_view name, Visit visit) const {
    const Slot& slot = slots_[find(name)];
    if (slot.first.entry == nullptr) return;
    visit(slot.first);
    if (slot.more == nullptr) return;
    for (const Member& member : *slot.more) visit(member);
  }
  static Member member(const TableEntry& entry);
  void add(const TableEntry& entry);
  void remove(const TableEntry& entry);
  void set_zone(const TableEntry& entry, std::uint32_t zone);

 private:
  static constexpr std::size_t kSlotsMin = 16;  // a power of two, always
  static constexpr std::size_t kInline = 35;    // longer names are compared where the node has them
  struct alignas(64) Slot {
    Member first;  // its entry is null: free
    std::unique_ptr<std::vector<Member>> more;
    std::uint32_t check = 0;  // of the hash, what does not choose the slot
    std::uint8_t size = 0;    // of the name; 0: longer than kInline
    char text[kInline];
  };
  static_assert(sizeof(Slot) == 64);

  static std::uint32_t check_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32);
  }
  static std::string_view name_of(const Slot& slot) {
    return slot.size > 0 ? std::string_view(slot.text, slot.size) : slot.first.entry->at.name.str();
  }
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t home(const Slot& slot) const {
    return hash_text(name_of(slot), seed_) & mask();
  }
  [[nodiscard]] std::size_t after(std::size_t at) const { return (at + 1) & mask(); }
  // Where that name is, or the free slot where it would go.
  [[nodiscard]] std::size_t find(std::string_view name) const {
    const std::uint64_t hash = hash_text(name, seed_);
    for (std::size_t at = hash & mask();; at = after(at)) {
      const Slot& slot = slots_[at];
      if (slot.first.entry == nullptr) return at;
      if (slot.check == check_of(hash) && name_of(slot) == name) return at;
    }
  }
  void free_slot(std::size_t at);
  void grow();

  std::uint64_t seed_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace skep::fabric
