// The one answer to a message, as whoever answers makes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skep/model/message.h"

namespace skep {

// A kReply under `id` with `text`, in the conversation and trace of `asked`, for the address it
// came from. What the channel noted in `asked` under its own name goes back with it. `dst` is the
// caller's to set.
Message reply_to(const Message& asked, MessageId id, WallTime now, std::string text);

// Which message the words of a reply are about, where its writer chose one: a foreign_id, or
// kCurrentMessage. Empty: it did not choose.
inline constexpr std::string_view kCurrentMessage = "@current";
void put_chosen(Message& reply, std::string_view id);
std::string_view chosen_in(const Message& reply);

// What its writer had read when it was written, as the bits of authority::Labels. Between agents,
// in questions and answers; nullopt: it does not say.
void put_taint(Message& message, std::uint8_t bits);
inline constexpr std::uint8_t kTaintOfOutsiders = 1;  // authority::Label::kExternalNetwork
std::optional<std::uint8_t> taint_in(const Message& message);

}  // namespace skep
