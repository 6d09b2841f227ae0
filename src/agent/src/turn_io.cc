// What a turn says to the world around it.
#include <algorithm>
#include <functional>

#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/room_talk.h"
#include "turn.h"

namespace skep::agent {
namespace {

using memory::TranscriptEntry;
using memory::TranscriptMessage;

constexpr Millis kBackOffFirst{100};
constexpr Millis kBackOffMax{10'000};

memory::Attachment attachment_of(const FilePart& file) {
  return {file.filename, file.media_type,
          file.size_bytes == 0 ? "unknown" : human_size(file.size_bytes)};
}

TranscriptMessage user_entry(const Message& message, const std::string& text, WallTime now) {
  TranscriptMessage entry{.role = TranscriptMessage::Role::kUser,
                          .content = text,
                          .msg_id = message.id.str(),
                          .sender = message.conversation.peer,
                          .ts = message.sent_at == WallTime{} ? now : message.sent_at,
                          .origin_id = message.foreign_id,
                          .thread = message.conversation.thread,
                          .turn = message.id.str()};
  if (const auto room = room_talk(message)) entry.sender = room_sender(room->speaker);
  for (const Part& part : message.parts) {
    if (const auto* file = std::get_if<FilePart>(&part))
      entry.attachments.push_back(attachment_of(*file));
    if (const auto* image = std::get_if<ImagePart>(&part)) {
      entry.attachments.push_back({"image", image->media_type, human_size(image->bytes.size())});
    }
  }
  return entry;
}

}  // namespace

std::vector<TranscriptEntry> open_transcript(AgentDeps& deps, const Message& message,
                                             const std::string& text) {
  const Conversation& conversation = message.conversation;
  auto own = [&](const TranscriptEntry& entry) {
    const auto* stored = std::get_if<TranscriptMessage>(&entry);
    return stored != nullptr && stored->role == TranscriptMessage::Role::kUser &&
           stored->msg_id == message.id.str();
  };
  auto before = deps.memory.history(conversation);
  if (!before) log::warn("agent", "answering without history: {}", before.error().to_string());
  std::vector<TranscriptEntry> entries = std::move(before).value_or(std::vector<TranscriptEntry>());
  auto stored = std::ranges::find_if(entries, own);
  if (stored != entries.end()) {
    // What a room said meanwhile stays: it stands in front of the message that is answered. So does
    // a summary of what came before.
    auto stays = [&](const TranscriptEntry& entry) {
      return std::holds_alternative<memory::TranscriptSummary>(entry) ||
             (room_talk(message) && !own(entry));
    };
    entries.erase(std::remove_if(stored, entries.end(), std::not_fn(stays)), entries.end());
    return entries;
  }
  auto archived = deps.memory.archive_if_idle(conversation);
  if (!archived)
    log::warn("agent", "the idle session was not archived: {}", archived.error().to_string());
  if (archived && *archived) entries.clear();
  auto appended = deps.memory.append(conversation, user_entry(message, text, deps.clock.now()));
  if (!appended)
    log::warn("agent", "a message is missing in the transcript: {}", appended.error().to_string());
  return entries;
}

Result<void> note_in_room(AgentDeps& deps, const Message& message, const std::string& text) {
  const Conversation& conversation = message.conversation;
  if (auto archived = deps.memory.archive_if_idle(conversation); !archived)
    log::warn("agent", "the idle session was not archived: {}", archived.error().to_string());
  const TranscriptMessage entry = user_entry(message, text, deps.clock.now());
  Result<void> appended = deps.memory.append(conversation, entry);
  if (appended || appended.error().code != Code::kExhausted) return appended;
  SKEP_TRY_VOID(deps.memory.archive(conversation));
  log::info("agent", "the session of {} was full and is archived", conversation.peer);
  return deps.memory.append(conversation, entry);
}

Destination way_back(const TurnState& state) {
  if (state.resumed && state.message.src_name) return *state.message.src_name;
  return state.message.src;
}

namespace {

// Something about a message that is being worked on, to the one who sent it.
Message progress_of(const AgentDeps& deps, const TurnState& state, MessageId id,
                    Progress progress) {
  const Message& asked = state.message;
  Message event;
  event.id = std::move(id);
  event.trace = asked.trace;
  event.dst = way_back(state);
  event.kind = Kind::kProgress;
  event.in_reply_to = asked.id;
  event.sent_at = deps.clock.now();
  event.conversation = asked.conversation;
  event.reply_address = asked.reply_address;
  event.progress = std::move(progress);
  return event;
}

}  // namespace

void send_progress(AgentDeps& deps, const TurnState& state, Progress::Phase phase,
                   std::string_view text) {
  (void)deps.out.deliver(
      progress_of(deps, state, MessageId(mint_ulid()), Progress{phase, std::string(text)}));
}

void send_question(AgentDeps& deps, const TurnState& state, const std::string& question,
                   std::string text) {
  const Message& asked = state.message;
  Message event =
      progress_of(deps, state, MessageId(fmt::format("{}-{}", asked.id.str(), question)),
                  Progress{Progress::Phase::kAsks, std::move(text)});
  const std::string& channel = asked.conversation.channel;
  if (const json::value* noted = asked.meta.if_contains(channel)) event.meta[channel] = *noted;
  if (auto sent = deps.out.deliver(std::move(event)); !sent)
    log::warn("agent", "the question {} could not be shown: {}", question,
              sent.error().to_string());
}

Task<Result<void>> journal_step(Ctx ctx, store::Journal& journal, store::EntryId id,
                                std::string record) {
  Millis wait = kBackOffFirst;
  for (bool told = false;; told = true) {
    Result<void> stepped = journal.step(id, record);
    bool full = !stepped && stepped.error().code == Code::kExhausted;
    if (!full) co_return stepped;
    if (!told)
      log::error("agent", "turn {} waits for the journal: {}", id.str(),
                 stepped.error().to_string());
    Result<void> slept = co_await sleep_for(ctx, wait);
    if (!slept) co_return stepped;
    wait = std::min(wait * 2, kBackOffMax);
  }
}

}  // namespace skep::agent
