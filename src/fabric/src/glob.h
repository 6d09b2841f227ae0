// Patterns over node names.
#pragma once

#include <string_view>

namespace skep::fabric {

// '*' stands for any run of characters, also none and dots; everything else for itself. Time is at
// most the product of the lengths, whatever the pattern.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace skep::fabric
