#include "developer.h"

#include <charconv>

#include "skep/base/secret.h"
#include "skep/base/text.h"
#include "skep/model/room_talk.h"
#include "turn_journal.h"

namespace skep::agent {
namespace {

constexpr std::size_t kStepBytes = 1500;
constexpr std::size_t kAllBytes = 12'000;
constexpr std::size_t kRawShown = 2;  // requests, unless more are asked for

}  // namespace

bool is_developer(const AgentConfig& config, const Message& message) {
  if (message.conversation.channel == "cli") return true;
  if (message.conversation.channel != "xmpp" || room_talk(message)) return false;
  return std::ranges::any_of(config.developers, [&](const std::string& jid) {
    return equals_ignoring_ascii_case(jid, message.conversation.peer);
  });
}

std::string DebugWatch::command(std::string_view arguments, const Conversation& conversation,
                                WallTime now) {
  const std::string words = to_lower_ascii(trim(arguments));
  const std::string_view word = std::string_view(words).substr(0, words.find(' '));
  if (word == "raw") {
    const auto log = raw(conversation, now);
    if (!log) return "Say /debug on first: requests are kept from then on.";
    const std::string_view rest = trim(std::string_view(words).substr(word.size()));
    std::size_t count = kRawShown;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    const bool bad = !rest.empty() && (error != std::errc() || end != rest.data() + rest.size());
    if (bad || count == 0) return fmt::format("Say /debug raw, or how many: /debug raw 3.");
    return raw_text(*log, count);
  }
  if (!word.empty() && words != "on" && words != "off")
    return "Say /debug on, /debug off or /debug raw.";
  if (words == "on" || (words.empty() && !on(conversation, now))) return turn_on(conversation, now);
  watched_.erase(conversation);
  return "Debugging is off.";
}

std::string DebugWatch::turn_on(const Conversation& conversation, WallTime now) {
  std::erase_if(watched_, [now](const auto& one) { return one.second.until < now; });
  if (watched_.size() >= kConversationsMax && !watched_.contains(conversation))
    return fmt::format("{} conversations are being watched already.", kConversationsMax);
  Watched& watched = watched_[conversation];
  watched.until = now + kOnFor;
  if (!watched.raw) watched.raw = std::make_shared<llm::RawLog>();
  return fmt::format(
      "Debugging is on here for {} minutes: each answer comes with what was done for it. /debug "
      "raw "
      "shows what the model was sent and what it sent back.",
      kOnFor.count());
}

bool DebugWatch::on(const Conversation& conversation, WallTime now) {
  return raw(conversation, now) != nullptr;
}

std::shared_ptr<llm::RawLog> DebugWatch::raw(const Conversation& conversation, WallTime now) {
  const auto found = watched_.find(conversation);
  if (found == watched_.end()) return nullptr;
  if (now <= found->second.until) return found->second.raw;
  watched_.erase(found);
  return nullptr;
}

std::string raw_text(const llm::RawLog& log, std::size_t count) {
  const std::size_t there = log.exchanges().size();
  if (there == 0) return "The model was asked nothing yet.";
  count = std::min(count, there);
  const std::size_t each = kAllBytes / (2 * count);
  std::string text;
  for (std::size_t at = there - count; at < there; ++at) {
    const llm::RawExchange& one = log.exchanges()[at];
    text += fmt::format("{}POST {} ({} bytes)\n{}\n-> {} ({} bytes)\n{}",
                        at > there - count ? "\n\n" : "", one.url, one.request.size(),
                        one.request.text(each),
                        one.outcome.empty() ? "given up" : redact(one.outcome, kStepBytes),
                        one.response.size(), trim(one.response.text(each)));
  }
  return fmt::format("```\n{}\n```", replace_all(std::move(text), "```", "\"\"\""));
}

std::string debug_text(const TurnState& turn) {
  std::string text = fmt::format("turn {} of {}: {} in ({} cached), {} out", turn.message.id.str(),
                                 turn.model.empty() ? "no model" : turn.model,
                                 turn.usage.input + turn.usage.cache_read + turn.usage.cache_write,
                                 turn.usage.cache_read, turn.usage.output);
  const std::vector<std::string>& steps = turn.trace.lines();
  if (steps.empty()) text += "\nno steps ([trace] enabled = false?)";
  for (const std::string& step : steps) {
    if (text.size() > kAllBytes) {
      text += "\n…";
      break;
    }
    text += '\n' + redact(step, kStepBytes);
  }
  return fmt::format("```\n{}\n```", replace_all(text, "```", "\"\"\""));
}

}  // namespace skep::agent
