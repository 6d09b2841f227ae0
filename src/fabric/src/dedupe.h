// What has been seen lately, so that a repeat is known.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

#include "skep/async/ctx.h"
#include "skep/model/name.h"

namespace skep::fabric {

// Remembers (who, what) for a time and up to a number; past it the oldest are forgotten first.
// Texts over 128 bytes are known by their hash. Not thread-safe.
class SeenLately {
 public:
  SeenLately(std::size_t entries_max, std::chrono::nanoseconds kept)
      : entries_max_(entries_max), kept_(kept) {}

  // True the first time. `now`: the steady clock.
  bool first(const NodeId& who, std::string_view what, SteadyTime now);
  [[nodiscard]] bool contains(const NodeId& who, std::string_view what) const;
  [[nodiscard]] std::size_t size() const { return seen_.size(); }

 private:
  struct Entry {
    const std::string* key;  // in seen_, whose nodes stay where they are
    SteadyTime at;
  };
  void forget_old(SteadyTime now);

  std::size_t entries_max_;
  std::chrono::nanoseconds kept_;
  std::unordered_set<std::string> seen_;
  std::deque<Entry> order_;
};

}  // namespace skep::fabric
