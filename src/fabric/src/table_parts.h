// What a RouteTable is made of: entries, the nodes that share a name, lists in order of arrival,
// and the choice among candidates.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "name_table.h"
#include "pattern_index.h"
#include "skep/fabric/routes.h"

namespace skep::fabric {

// Takes candidates one after the other and keeps the best by rows 2 and 3 of the truth table.
class Chooser {
 public:
  Chooser(const Asker& asker, std::size_t (*queue)(void* exit)) : asker_(asker), queue_(queue) {}
  void consider(const Member& member);
  [[nodiscard]] const NodeAt* best() const { return best_; }
  [[nodiscard]] bool blocked() const { return best_ == nullptr && blocked_; }

 private:
  // Lower is better, from the left.
  struct Rank {
    std::uint32_t tier = 0;  // 0 and 1: this hive; from 2: other hives, by path
    std::uint64_t value = 0, since = 0;
    auto operator<=>(const Rank&) const = default;
  };
  [[nodiscard]] bool may_talk(const Member& member) const {
    return member.system || !asker_.zone || *asker_.zone == member.zone;
  }
  [[nodiscard]] Rank rank(const Member& member) const;
  [[nodiscard]] bool threaded() const;
  [[nodiscard]] std::uint64_t thread() const { return thread_; }

  const Asker& asker_;
  std::size_t (*queue_)(void* exit);
  const NodeAt* best_ = nullptr;
  Member first_;  // the only one so far: not ranked until a second comes
  Rank best_rank_;
  bool blocked_ = false;
  mutable std::uint64_t thread_ = 0;
  mutable bool thread_known_ = false, threaded_ = false;
};

// Static routes in the order of the truth table, with a look-up each for rows 1 and 5.
class StaticRoutes {
 public:
  explicit StaticRoutes(const std::vector<StaticRoute>& routes);  // which must outlive this
  [[nodiscard]] const StaticRoute* override_for(std::string_view name) const {
    return at(overrides_.best(name));
  }
  [[nodiscard]] const StaticRoute* fallback_for(std::string_view name) const {
    return at(fallbacks_.best(name));
  }

 private:
  [[nodiscard]] const StaticRoute* at(std::uint32_t rank) const {
    return rank == PatternIndex::kNone ? nullptr : ordered_[rank];
  }
  std::vector<const StaticRoute*> ordered_;
  PatternIndex overrides_, fallbacks_;
};

// Zone rules, the same way.
class Zones {
 public:
  explicit Zones(const std::vector<ZoneRule>& rules);  // not kept
  [[nodiscard]] std::optional<std::uint32_t> of(const Name& name) const;

 private:
  std::vector<std::uint32_t> zone_;  // by rank
  PatternIndex index_;
};

// Routes of other hives (row 4).
class HiveRoutes {
 public:
  void set(std::string_view hive, std::vector<HiveRoute> routes);
  bool remove_exit(void* exit);
  [[nodiscard]] const HiveRoute* best(std::string_view name) const;
  // For "base@*": each route is asked about `base` in its own hive.
  [[nodiscard]] const HiveRoute* best_anywhere(std::string_view base) const;

 private:
  void index();
  std::list<HiveRoute> routes_;  // in order of arrival
  std::vector<const HiveRoute*> ordered_;
  PatternIndex index_;
};

// Room for "base@hive" on the stack. Empty view when it does not fit: no such name exists then.
class ComposedName {
 public:
  ComposedName(std::string_view base, std::string_view hive);
  [[nodiscard]] std::string_view str() const { return {text_.data(), size_}; }

 private:
  std::array<char, 512> text_;
  std::size_t size_ = 0;
};

}  // namespace skep::fabric
