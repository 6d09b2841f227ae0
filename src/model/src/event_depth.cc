#include "skep/model/event_depth.h"

#include <algorithm>

namespace skep {
namespace {

constexpr std::string_view kKey = "event_depth";
constexpr std::int64_t kReadMax = 1'000'000;  // of what another hive says

}  // namespace

void put_event_depth(Message& message, int depth) {
  if (depth > 0) message.meta[kKey] = depth;
}

int event_depth_of(const Message& message) {
  const json::value* found = message.meta.if_contains(kKey);
  const std::int64_t depth = found != nullptr && found->is_int64() ? found->get_int64() : 0;
  return static_cast<int>(std::clamp<std::int64_t>(depth, 0, kReadMax));
}

}  // namespace skep
