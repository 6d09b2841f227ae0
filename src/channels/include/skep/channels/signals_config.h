// [signals]: what of people's moods, activities, tunes and places the agent may know.
#pragma once

#include <chrono>
#include <vector>

#include "skep/base/config.h"
#include "skep/xmpp/signals.h"

namespace skep::channels {

struct SignalsConfig {
  std::vector<xmpp::SignalKind> kinds;       // enabled: "mood", "activity", "tune", "location"
  std::chrono::milliseconds ttl{7'200'000};  // an older one is forgotten

  static SignalsConfig read(ConfigSection section);
};

}  // namespace skep::channels
