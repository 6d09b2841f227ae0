// A map that forgets: at most `items_max` keys, the one touched longest ago goes first.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace skep::channels {

template <class V>
class BoundedMap {
 public:
  explicit BoundedMap(std::size_t items_max) : items_max_(items_max) {}

  // The value of `key`, made when absent; now the youngest. Valid until the next call.
  V& touch(const std::string& key) {
    if (auto found = index_.find(key); found != index_.end()) {
      items_.splice(items_.end(), items_, found->second);
      return found->second->second;
    }
    if (items_.size() >= items_max_) {
      index_.erase(items_.front().first);
      items_.pop_front();
    }
    items_.emplace_back(key, V{});
    index_.emplace(key, std::prev(items_.end()));
    return items_.back().second;
  }
  [[nodiscard]] V* find(const std::string& key) {
    auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->second;
  }
  void erase(const std::string& key) {
    auto found = index_.find(key);
    if (found == index_.end()) return;
    items_.erase(found->second);
    index_.erase(found);
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  using Items = std::list<std::pair<std::string, V>>;
  std::size_t items_max_;
  Items items_;  // oldest touch first
  std::unordered_map<std::string, typename Items::iterator> index_;
};

}  // namespace skep::channels
