// Items by their exact name: open addressing with the hash beside the pointer, so that a look-up
// costs two cache misses however many names there are.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text_hash.h"

namespace skep::fabric {

// Owns its items; their addresses stay. `T::name()` gives the name, which never changes. Adding is
// constant time on average: the slots (16 bytes for each name) double now and then.
template <class T>
class NameTable {
 public:
  // `seed`: random, so that nobody can choose names that collide.
  explicit NameTable(std::uint64_t seed) : seed_(seed), slots_(kSlotsMin) {}

  [[nodiscard]] T* find(std::string_view name) const {
    const std::uint64_t hash = hash_text(name, seed_);
    for (std::size_t at = place(hash);; at = after(at)) {
      const Slot& slot = slots_[at];
      if (slot.item == nullptr) return nullptr;
      if (slot.hash == hash && slot.item->name() == name) return slot.item.get();
    }
  }

  T& insert(std::unique_ptr<T> item) {  // its name is not in the table yet
    if (2 * (size_ + 1) > slots_.size()) grow();
    ++size_;
    T& added = *item;
    const std::uint64_t hash = hash_text(added.name(), seed_);
    put({hash, std::move(item)});
    return added;
  }

  void erase(const T& item) {
    std::size_t hole = place(hash_text(item.name(), seed_));
    while (slots_[hole].item.get() != &item) hole = after(hole);
    slots_[hole].item.reset();
    --size_;
    // Whoever was pushed past the hole by a full run moves back into it.
    for (std::size_t at = after(hole); slots_[at].item != nullptr; at = after(at)) {
      const std::size_t home = place(slots_[at].hash);
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = std::move(slots_[at]);
      hole = at;
    }
  }

 private:
  static constexpr std::size_t kSlotsMin = 16;  // a power of two, always
  struct Slot {
    std::uint64_t hash = 0;
    std::unique_ptr<T> item;
  };

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t place(std::uint64_t hash) const { return hash & mask(); }
  [[nodiscard]] std::size_t after(std::size_t at) const { return (at + 1) & mask(); }

  void put(Slot slot) {
    std::size_t at = place(slot.hash);
    while (slots_[at].item != nullptr) at = after(at);
    slots_[at] = std::move(slot);
  }
  void grow() {
    std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    for (Slot& slot : before) {
      if (slot.item != nullptr) put(std::move(slot));
    }
  }

  std::uint64_t seed_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace skep::fabric
