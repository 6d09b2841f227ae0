// The least that a drafted agent needs. Private to the room.
#pragma once

#include <string>
#include <vector>

#include "skep/agent/manifest.h"

namespace skep::kernel {

// What is too much in it, in words for the model that wrote it: tools that are not named one by
// one, or that there are none of (`tools`: all there are, by name). Empty: nothing.
std::vector<std::string> too_much_in(const agent::Manifest& manifest,
                                     const std::vector<std::string>& tools);
// Takes away what none of its tools could use: network, programs, other agents, memory.
void take_unused_rights(agent::Manifest& manifest);
// What it could do, for a person: "run programs", "read the web (example.org)".
std::vector<std::string> rights_in_words(const agent::Manifest& manifest);

}  // namespace skep::kernel
