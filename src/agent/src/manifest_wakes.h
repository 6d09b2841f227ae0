// `schedule` and [autonomous] of a manifest.
#pragma once

#include "skep/agent/manifest.h"

namespace skep::agent {

void read_wakes(ConfigSection& root, Wakes& wakes);

}  // namespace skep::agent
