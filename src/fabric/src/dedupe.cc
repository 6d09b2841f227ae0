#include "dedupe.h"

#include "skep/base/text.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kTextBytesMax = 128;

std::string key_of(const NodeId& who, std::string_view what) {
  std::string key(reinterpret_cast<const char*>(who.uuid.bytes.data()), who.uuid.bytes.size());
  return what.size() <= kTextBytesMax ? key.append(what) : key.append(sha256(what));
}

}  // namespace

bool SeenLately::first(const NodeId& who, std::string_view what, SteadyTime now) {
  forget_old(now);
  auto [at, fresh] = seen_.insert(key_of(who, what));
  if (!fresh) return false;
  order_.push_back({&*at, now});
  return true;
}

bool SeenLately::contains(const NodeId& who, std::string_view what) const {
  return seen_.contains(key_of(who, what));
}

void SeenLately::forget_old(SteadyTime now) {
  while (!order_.empty() && (order_.size() >= entries_max_ || order_.front().at + kept_ < now)) {
    seen_.erase(seen_.find(*order_.front().key));
    order_.pop_front();
  }
}

}  // namespace skep::fabric
