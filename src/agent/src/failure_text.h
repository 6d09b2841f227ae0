// What a person reads when a turn failed: neutral words, what to do next, an incident id that finds
// the details in the log.
#pragma once

#include <string>

#include "skep/base/result.h"

namespace skep::agent {

// Four characters of Crockford base32, random.
std::string mint_incident();
// Never holds anything of the provider's text: "Sorry, … (incident 3F7K)".
std::string failure_text(Code code, const std::string& incident);

// Behind an answer that the length limit has cut and nobody goes on with.
inline constexpr std::string_view kPartialText =
    "[This is as much as I may write at once. Ask me to go on.]";
// In the place of an answer that the model did not want to give.
inline constexpr std::string_view kNoReplyText = "[no reply]";
inline constexpr std::string_view kCancelledText = "Cancelled.";
inline constexpr std::string_view kHungText =
    "I stopped: neither the model nor a tool has given a sign of life for too long. Please ask "
    "again.";
inline constexpr std::string_view kRefusalText = "I can't help with that request.";
inline constexpr std::string_view kEmptyText =
    "The model gave no answer. Please ask again, perhaps in other words.";
inline constexpr std::string_view kEmptyAfterToolsText =
    "I used my tools, but the model gave no answer after that. Please ask again if something is "
    "missing.";
inline constexpr std::string_view kLostToolText =
    "interrupted; it may or may not have happened. Check before you do it again, or tell the "
    "person.";

}  // namespace skep::agent
