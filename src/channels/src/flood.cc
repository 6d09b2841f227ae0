#include "flood.h"

namespace skep::channels {

FloodLimit::FloodLimit(int per_minute, int burst)
    : per_minute_(std::max(per_minute, 1)), burst_(std::max(burst, 1)) {}

void FloodLimit::refill(Bucket& bucket, WallTime now) const {
  if (!bucket.used) {
    bucket = {.used = true, .tokens = burst_, .filled_at = now};
    return;
  }
  // A wall clock may be set back: then nothing is refilled, and time counts from there.
  const double minutes =
      std::max<double>(0, static_cast<double>((now - bucket.filled_at).count())) / 60'000.0;
  bucket.tokens = std::min(burst_, bucket.tokens + minutes * per_minute_);
  bucket.filled_at = now;
}

FloodVerdict FloodLimit::take(const std::string& sender, WallTime now) {
  Bucket& bucket = buckets_.touch(sender);
  refill(bucket, now);
  if (bucket.silenced && bucket.tokens < burst_) return FloodVerdict::kSilent;
  bucket.silenced = false;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return FloodVerdict::kPass;
  }
  bucket.silenced = true;
  return FloodVerdict::kNotice;
}

}  // namespace skep::channels
