// What people have chosen for a conversation, as small files beside its memory: they survive
// restarts and /forget, and people can read them.
#pragma once

#include <string>
#include <string_view>

#include "skep/memory/memory.h"

namespace skep::agent {

inline constexpr std::string_view kTierFile = "active_tier.txt";

// One word; empty: nothing is chosen.
std::string chosen(const memory::Memory& memory, const Conversation& conversation,
                   std::string_view file);
// Empty takes the choice back.
Result<void> choose(const memory::Memory& memory, const Conversation& conversation,
                    std::string_view file, std::string_view word);

}  // namespace skep::agent
