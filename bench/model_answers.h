// The two answers of a one-tool turn as HTTP responses of constant size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skep::bench {

inline constexpr std::string_view kFinalText =
    "It is eight o'clock in the morning, Coordinated Universal Time, as far as the clock of this "
    "machine can be trusted.";

// Whoever says this gets a call of shell_exec that takes a minute (Anthropic's format only).
inline constexpr std::string_view kStuckText = "Sleep for a minute, please.";

// Appends the whole response to `out`: the path in `head` chooses the wire format (/v1/messages or
// chat completions), `body` the answer: a call of system_time, or kFinalText once the request holds
// a tool result. `serial` makes ids unique.
void append_model_answer(std::string_view head, std::string_view body, std::uint64_t serial,
                         std::string& out);

}  // namespace skep::bench
