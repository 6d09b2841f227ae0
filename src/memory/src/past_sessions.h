// Sessions that were put aside.
#pragma once

#include "skep/memory/memory.h"

namespace skep::memory {

// Reads the beginning of each.
std::vector<Memory::PastSession> past_sessions_in(const std::string& archives);

}  // namespace skep::memory
