// The words of a text as search compares them. Private to the room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skep::memory {

// Runs of letters and digits, case folded and without marks ("É" is "e"). Of scripts that set no
// blanks between words every character is a word of its own.
std::vector<std::string> search_words(std::string_view text);

}  // namespace skep::memory
