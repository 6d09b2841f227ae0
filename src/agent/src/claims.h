// Answers that say something was done that was not.
#pragma once

#include <string_view>

namespace skep::agent {

// The text says that its writer has sent something somewhere ("I've posted it to Slack", "the mail
// has been sent"). English only: other languages pass unquestioned.
bool claims_to_have_sent(std::string_view text);

// What the model is told then, once.
inline constexpr std::string_view kNothingWasSent =
    "[You say that something was sent, but you called no tool in this turn, so nothing was. Call "
    "the tool that sends it, or say plainly that nothing has been sent.]";

}  // namespace skep::agent
