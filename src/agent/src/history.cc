#include "history.h"

#include <algorithm>

#include "skep/base/text.h"
#include "skep/llm/model.h"
#include "skep/model/room_talk.h"
#include "skep/tools/memory_tools.h"

namespace skep::agent {
namespace {

using llm::ChatMessage;
using llm::Role;
using memory::TranscriptEntry;
using memory::TranscriptMessage;
using memory::TranscriptSummary;

constexpr std::chrono::hours kNotedGap{1};
const std::string kTakenBack = "[This message was taken back by its writer.]";
constexpr std::size_t kTokensPerMessage = 4;  // roles and separators

std::string in_words(Millis gap) {
  auto hours = std::chrono::duration_cast<std::chrono::hours>(gap).count();
  auto count = hours < 48 ? hours : hours / 24;
  return fmt::format("{} {}{}", count, hours < 48 ? "hour" : "day", count == 1 ? "" : "s");
}

std::string replayed_text(const TranscriptMessage& message, std::optional<WallTime> before) {
  std::string text;
  bool gap = message.role == TranscriptMessage::Role::kUser && before && message.ts &&
             *message.ts - *before >= kNotedGap;
  if (gap) text += fmt::format("[{} later]\n", in_words(*message.ts - *before));
  for (const memory::Attachment& file : message.attachments) {
    text += attachment_line(file.filename, file.media_type, file.size) + '\n';
  }
  const std::string& words = message.retracted ? kTakenBack : message.content;
  if (const auto speaker = speaker_of(message.sender)) {
    text += spoken(*speaker, words);
  } else {
    text += words;
  }
  return text;
}

void add(PastTurn& turn, Role role, std::string text) {
  turn.tokens += llm::estimate_tokens(text) + kTokensPerMessage;
  bool same = !turn.messages.empty() && turn.messages.back().role == role;
  if (!same) turn.messages.push_back({role, {}});
  turn.messages.back().parts.emplace_back(TextPart{std::move(text)});
}

// Where what is read word by word begins: behind the newest summary's last message, or behind the
// summary itself when it names none that is here.
std::size_t first_after_summary(const std::vector<TranscriptEntry>& entries, Past& past) {
  for (std::size_t at = entries.size(); at > 0; --at) {
    const auto* found = std::get_if<TranscriptSummary>(&entries[at - 1]);
    if (found == nullptr) continue;
    past.summary = found->content;
    past.summary_labels = tools::labels_of(found->taint);
    for (std::size_t i = at - 1; i > 0 && !found->last_msg_id.empty(); --i) {
      const auto* message = std::get_if<TranscriptMessage>(&entries[i - 1]);
      if (message != nullptr && message->msg_id == found->last_msg_id) return i;
    }
    return at;
  }
  return 0;
}

}  // namespace

// A new turn starts with the first user message after an answer. Answers before the first user
// message belong to no turn.
Past past_of(const std::vector<TranscriptEntry>& entries) {
  Past past;
  std::optional<WallTime> before;
  for (std::size_t i = first_after_summary(entries, past); i < entries.size(); ++i) {
    const auto* message = std::get_if<TranscriptMessage>(&entries[i]);
    if (message == nullptr) continue;
    std::string text = replayed_text(*message, before);
    before = message->ts;
    if (trim(text).empty()) continue;
    std::vector<PastTurn>& turns = past.turns;
    bool user = message->role == TranscriptMessage::Role::kUser;
    bool answered = !turns.empty() && turns.back().messages.back().role == Role::kAssistant;
    if (user && (turns.empty() || answered)) turns.emplace_back();
    if (turns.empty()) continue;
    add(turns.back(), user ? Role::kUser : Role::kAssistant, std::move(text));
    ++turns.back().entries;
    turns.back().last_id = message->msg_id;
    turns.back().labels |= tools::labels_of(message->taint);
  }
  return past;
}

std::string spoken(std::string_view speaker, std::string_view text) {
  return fmt::format("{}: {}", speaker, replace_all(std::string(trim(text)), "\n", "\n    "));
}

std::string attachment_line(std::string_view filename, std::string_view media_type,
                            std::string_view size) {
  json::object line;
  line["attachment"] = to_valid_utf8(filename);
  line["type"] = to_valid_utf8(media_type);
  line["size"] = to_valid_utf8(size);
  return to_json(line);
}

Replay replay(const std::vector<TranscriptEntry>& entries, std::size_t token_budget) {
  Replay out;
  auto [summary, labels, turns] = past_of(entries);
  std::size_t left = token_budget - std::min(token_budget, llm::estimate_tokens(summary));
  auto first = turns.end();
  while (first != turns.begin() && std::prev(first)->tokens <= left) {
    --first;
    left -= first->tokens;
  }
  out.dropped_turns = static_cast<std::size_t>(first - turns.begin());
  if (!trim(summary).empty()) {
    out.labels |= labels;
    out.messages.push_back(
        {Role::kUser, {TextPart{"[Summary of this conversation so far]\n" + summary}}});
  }
  for (auto turn = first; turn != turns.end(); ++turn) {
    out.labels |= turn->labels;
    for (ChatMessage& message : turn->messages) {
      bool same = !out.messages.empty() && out.messages.back().role == message.role;
      if (!same) {
        out.messages.push_back(std::move(message));
      } else {
        std::ranges::move(message.parts, std::back_inserter(out.messages.back().parts));
      }
    }
  }
  return out;
}

}  // namespace skep::agent
