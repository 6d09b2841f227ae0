#include "skep/agent/agent.h"

#include "agent_impl.h"
#include "approval_replies.h"
#include "persona_wizard.h"
#include "retry.h"
#include "skep/base/local_time.h"
#include "skep/base/log.h"
#include "skep/model/delegation.h"
#include "skep/model/room_talk.h"

namespace skep::agent {
namespace {

// Commands under way beside the lanes; they are answered at once, so more than this is a flood.
constexpr std::size_t kImmediateMax = 256;

bool is_text(const Part& part) { return std::holds_alternative<TextPart>(part); }

// Of commands nobody knows there is nothing to wait for either.
bool is_immediate(const ParsedText& parsed) {
  if (!parsed.is_command) return false;
  const CommandInfo* info = find_command(parsed.command);
  return info == nullptr || info->immediate;
}

authority::Grants read_grants(ConfigSection& agent) {
  using authority::Grants;
  std::string profile;
  std::vector<std::string> capabilities;
  const bool some = agent.read("profile", profile);
  const bool more = agent.read("capabilities", capabilities);
  if (!some && !more) return Grants::everything();
  Grants grants;
  if (some) {
    auto preset = Grants::of_profile(profile);
    if (preset)
      grants = *std::move(preset);
    else
      agent.problem("profile", preset.error().message);
  }
  for (const std::string& text : capabilities) {
    auto capability = authority::parse_capability(text);
    if (capability)
      grants.add(*std::move(capability));
    else
      agent.problem("capabilities", capability.error().message);
  }
  return grants;
}

}  // namespace

ParsedText parsed_message(const Message& message) {
  std::string text = text_of(message.parts);
  if (is_retry(message)) return ParsedText{.text = std::move(text)};
  if (is_for_wizard(message)) {
    return ParsedText{.is_command = true,
                      .command = "persona",
                      .arguments = fmt::format("answer {}", without_nick(text, message))};
  }
  // Another agent's words are a model's: of all commands they may only take their question back.
  if (delegation_of(message)) {
    ParsedText parsed = parse_text(text);
    if (parsed.is_command && parsed.command == "cancel") return parsed;
    return ParsedText{.text = std::move(text)};
  }
  // A command that came with a file would lose the file: it is for the model.
  if (std::ranges::all_of(message.parts, is_text)) return parse_text(text);
  return ParsedText{.text = std::move(text)};
}

AgentConfig AgentConfig::read(ConfigSection root) {
  AgentConfig config;
  ConfigSection agent = root.child("agent");
  agent.read("name", config.name);
  agent.read("turns_max", config.turns_max, {.min = 1, .max = 1024});
  agent.read("lane_max", config.lane_max, {.min = 1, .max = 10'000});
  agent.read("mailbox_max", config.mailbox_max, {.min = 1, .max = 1'000'000});
  agent.read_duration("turn_timeout_secs", std::chrono::seconds(1), config.turn_timeout);
  agent.read("time_zone", config.time_zone);
  agent.read("dev_command_jids", config.developers);
  config.grants = read_grants(agent);
  config.loop_guard = LoopGuardConfig::read(agent.child("loop_guard"));
  ConfigSection skills = root.child("skills");
  skills.read("max_tool_rounds", config.tool_rounds_max, {.min = 0, .max = 100});
  if (config.name.empty()) agent.problem("name", "must not be empty");
  if (config.turn_timeout <= Millis(0)) agent.problem("turn_timeout_secs", "must be at least 1");
  if (auto zone = check_time_zone(config.time_zone); !zone)
    agent.problem("time_zone", zone.error().message);
  return config;
}

Result<std::unique_ptr<Agent>> Agent::open(AgentConfig config, AgentDeps deps) {
  if (config.name.empty()) return fail(Code::kInvalid, "an agent needs a name");
  if (config.turns_max == 0) return fail(Code::kInvalid, "turns_max must be at least 1");
  SKEP_TRY_VOID(check_time_zone(config.time_zone));
  return std::make_unique<AgentImpl>(std::move(config), std::move(deps));
}

AgentImpl::AgentImpl(AgentConfig config, AgentDeps deps)
    : config_(std::move(config)),
      deps_(std::move(deps)),
      gate_(deps_.loop),
      mailbox_(config_.lane_max, config_.mailbox_max),
      turns_(config_.turns_max),
      started_(deps_.clock.now()) {}

Result<void> AgentImpl::deliver(Message message) {
  if (message.kind == Kind::kSystem || message.kind == Kind::kProgress)
    return {};  // news that an agent has no use for
  if (message.kind != Kind::kUser) return fail(Code::kUnsupported, "an agent takes user messages");
  if (const auto aside = aside_of(message)) return take_aside(message, *aside);
  if (const auto room = room_talk(message); room && room->listen) {
    Result<void> heard = listen(message);
    ++(heard ? stats_.heard : stats_.refused);
    return heard;
  }
  Result<void> accepted = accept(std::move(message));
  ++(accepted ? stats_.accepted : stats_.refused);
  return accepted;
}

// Nothing is owed for it, so the transcript is all that is written.
Result<void> AgentImpl::listen(const Message& message) {
  if (closing_.stop_requested()) return fail(Code::kUnavailable, "the agent is stopping");
  return note_in_room(deps_, message, text_of(message.parts));
}

Result<void> AgentImpl::accept(Message message) {
  if (closing_.stop_requested()) return fail(Code::kUnavailable, "the agent is stopping");
  if (message.id.empty()) return fail(Code::kInvalid, "a message needs an id");
  take_as_answer(deps_, config_, message);
  take_for_wizard(deps_, config_, message);
  take_as_retry(deps_, message);
  const bool immediate = is_immediate(parsed_message(message));
  if (immediate && immediate_ >= kImmediateMax)
    return fail(Code::kExhausted, "too many commands at once");
  if (!immediate) SKEP_TRY_VOID(mailbox_.room_for(message.conversation));
  Result<void> begun = deps_.journal.begin(deps_.journal_kind, store::EntryId(message.id.str()),
                                           begin_record(message));
  if (!begun && begun.error().code == Code::kExists)
    return {};  // accepted before; it will be answered once
  if (!begun) return begun;
  if (const ParsedText parsed = parsed_message(message); room_talk(message) && !parsed.is_command) {
    if (auto noted = note_in_room(deps_, message, parsed.text); !noted)
      log::warn("agent", "a message is missing in the transcript: {}", noted.error().to_string());
  }
  start(TurnState{.message = std::move(message)});
  return {};
}

void AgentImpl::start(TurnState turn) {
  open_.insert(turn.message.id.str());
  if (is_immediate(parsed_message(turn.message))) {
    ++immediate_;
    gate_.spawn("command", run_immediate(std::move(turn)));
    return;
  }
  auto [lane, fresh] = mailbox_.push(std::move(turn));
  if (fresh) gate_.spawn("lane", run_lane(lane));
}

std::vector<Message> unfinished_messages(const store::Journal& journal, std::string_view kind) {
  std::vector<Message> messages;
  for (const store::JournalEntry& entry : journal.unfinished(kind)) {
    auto turn = rebuild(entry);
    if (turn) messages.push_back(std::move(turn->message));  // resume() reports what cannot be read
  }
  return messages;
}

std::vector<Message> AgentImpl::unfinished() const {
  return unfinished_messages(deps_.journal, deps_.journal_kind);
}

void AgentImpl::resume() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(deps_.journal_kind)) {
    if (open_.contains(entry.id.str())) continue;  // accepted by this process already
    auto turn = rebuild(entry);
    if (!turn) {
      log::error("agent", "turn {} cannot be resumed and stays in the journal: {}", entry.id.str(),
                 turn.error().to_string());
      continue;
    }
    ++stats_.resumed;
    start(std::move(*turn));
  }
  if (stats_.resumed > 0) log::info("agent", "resuming {} unanswered messages", stats_.resumed);
}

Task<void> AgentImpl::close(Ctx ctx) {
  closing_.request_stop();
  co_await gate_.drain(ctx);
}

AgentStats AgentImpl::stats() const {
  AgentStats stats = stats_;
  stats.running = config_.turns_max - turns_.free();
  stats.waiting = mailbox_.size() - std::min(mailbox_.size(), stats.running);
  return stats;
}

std::size_t AgentImpl::stop_hung(std::chrono::milliseconds quiet) {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::size_t count = 0;
  for (Lane* lane : mailbox_.lanes()) {
    if (!lane->cancellable || lane->queue.empty()) continue;
    TurnState& turn = lane->queue.front();
    if (turn.alive > now || now - turn.alive < quiet) continue;
    log::warn("agent", "turn {} gives no sign of life and is ended", turn.message.id.str());
    turn.hung = true;
    lane->cancellable = false;
    lane->cancel.request_stop();
    ++count;
  }
  return count;
}

bool AgentImpl::cancel_running(const Conversation& conversation) {
  Lane* lane = mailbox_.find(conversation);
  if (lane == nullptr || !lane->cancellable) return false;
  lane->cancellable = false;
  lane->cancel.request_stop();
  return true;
}

}  // namespace skep::agent
