#include "agents_impl.h"
#include "skep/base/log.h"
#include "skep/model/aside.h"
#include "skep/model/room_talk.h"

namespace skep::kernel {
namespace {

// What a sender reads whose message an agent does not take.
Error refusal(const AgentEntry& entry) {
  switch (entry.state) {
    case AgentState::kSuspended:
      return {Code::kUnavailable,
              fmt::format("agent {0} is suspended; `skep agent resume {0}` wakes it", entry.name)};
    case AgentState::kCrashed:
      return {Code::kUnavailable, fmt::format("agent {} cannot start: {}", entry.name, entry.why)};
    default:
      return {Code::kUnavailable,
              fmt::format("agent {} is {}", entry.name, state_name(entry.state))};
  }
}

}  // namespace

Result<void> AgentSlot::deliver(Message message) {
  if (message.kind == Kind::kSystem || message.kind == Kind::kProgress) return {};
  if (message.kind == Kind::kReply) {
    all_.calls().take(message);
    return {};
  }
  if (entry.state != AgentState::kRunning) return fail(refusal(entry));
  SKEP_TRY(OpenAgent * agent, all_.opened(*this));
  used = std::chrono::steady_clock::now();
  json::object seen{{"id", message.id.str()},
                    {"from", message.src_name ? message.src_name->str() : std::string()},
                    {"peer", message.conversation.peer}};
  const bool listens = aside_of(message) || room_talk(message).value_or(RoomTalk()).listen;
  Result<void> taken = agent->agent().deliver(std::move(message));
  if (!taken) seen["refused"] = taken.error().message;
  if (!listens) all_.log(entry).write("message", std::move(seen));
  return taken;
}

Result<void> AgentSlot::Out::deliver(Message message) {
  slot.used = std::chrono::steady_clock::now();
  const bool reply = message.kind == Kind::kReply;
  const std::string to = message.in_reply_to.str();
  Result<void> sent = slot.port.send(std::move(message));
  if (reply && sent) slot.all_.log(slot.entry).write("reply", {{"to", to}});
  return sent;
}

}  // namespace skep::kernel
