// What happened, by name, for status and tests.
#pragma once

#include <map>
#include <string>

#include "skep/base/json.h"

namespace skep::federation {

class Counts {
 public:
  // Names are ours: their number is bounded.
  void add(std::string_view name) { ++counts_[std::string(name)]; }
  [[nodiscard]] json::object to_json() const {
    json::object out;
    for (const auto& [name, count] : counts_) out[name] = count;
    return out;
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace skep::federation
