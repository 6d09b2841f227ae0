#include "agents_impl.h"
#include "skep/base/log.h"
#include "skep/model/aside.h"
#include "skep/model/room_talk.h"

namespace skep::kernel {
Result<void> takes_messages(const AgentEntry& entry) {
  switch (entry.state) {
    case AgentState::kRunning:
      return {};
    case AgentState::kSuspended:
      return fail(
          Code::kUnavailable,
          fmt::format("agent {0} is suspended; `skep agent resume {0}` wakes it", entry.name));
    case AgentState::kCrashed:
      return fail(Code::kUnavailable,
                  fmt::format("agent {} cannot start: {}", entry.name, entry.why));
    case AgentState::kTerminated:
      if (!entry.why.empty())
        return fail(Code::kUnavailable, fmt::format("agent {0} was given up: {1}; `skep agent "
                                                    "resume {0}` starts it again",
                                                    entry.name, entry.why));
      [[fallthrough]];
    default:
      return fail(Code::kUnavailable,
                  fmt::format("agent {} is {}", entry.name, state_name(entry.state)));
  }
}

Result<void> AgentSlot::deliver(Message message) {
  if (message.kind == Kind::kSystem || message.kind == Kind::kProgress) return {};
  if (message.kind == Kind::kReply) {
    all_.calls().take(message);
    return {};
  }
  SKEP_TRY_VOID(takes_messages(entry));
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
