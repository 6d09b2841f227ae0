// What an agent does beside answering: it reacts to the message it answers, and sends files.
#pragma once

#include "outbox.h"
#include "rooms.h"
#include "turns.h"
#include "uploads.h"

namespace skep::channels {

// Both take the outboxes' way: accepted means journaled. Loop thread only.
class ExtrasSender {
 public:
  static constexpr std::size_t kReactionsMax = 5;  // of one call

  struct Deps {
    const XmppChannelConfig& config;
    Turns& turns;
    Rooms& rooms;
    Uploads& uploads;
    std::function<Result<void>(OutgoingReply)> post;
    bool with_from = true;
  };
  explicit ExtrasSender(Deps deps) : deps_(std::move(deps)) {}

  Result<void> react(const std::string& turn, std::vector<std::string> emojis);
  Task<Result<void>> share(Ctx ctx, std::string turn, OutgoingFile file);

 private:
  Result<void> post(const std::string& turn, std::string text, Extras extras);
  Deps deps_;
};

}  // namespace skep::channels
