// How fast one sender may write.
#pragma once

#include <string>

#include "bounded_map.h"
#include "skep/base/clock.h"

namespace skep::channels {

enum class FloodVerdict {
  kPass,
  kNotice,  // over the limit for the first time: tell the sender
  kSilent,  // still over it: say nothing
};

// A token bucket for each sender: `burst` messages at once, refilled at `per_minute`. Who empties
// it is heard again only when it is full once more, so that a machine writing at exactly the limit
// is not answered every third second.
class FloodLimit {
 public:
  static constexpr std::size_t kSendersMax = 4096;  // forgotten ones start with a full bucket

  FloodLimit(int per_minute, int burst);
  FloodVerdict take(const std::string& sender, WallTime now);

 private:
  struct Bucket {
    bool used = false;
    double tokens = 0;
    WallTime filled_at{};
    bool silenced = false;
  };
  void refill(Bucket& bucket, WallTime now) const;

  double per_minute_;
  double burst_;
  BoundedMap<Bucket> buckets_{kSendersMax};
};

}  // namespace skep::channels
