#include "skep/agent/repair.h"

#include <algorithm>
#include <map>

#include "skep/base/text.h"

namespace skep::agent {
namespace {

using llm::ChatMessage;
using llm::Role;
using Messages = std::vector<ChatMessage>;

constexpr std::string_view kLost = "interrupted; it may or may not have happened";

bool is_blank(const Part& part) {
  const auto* text = std::get_if<TextPart>(&part);
  return text != nullptr && trim(text->text).empty();
}

int drop_blank_messages(Messages& messages) {
  for (ChatMessage& message : messages) std::erase_if(message.parts, is_blank);
  return static_cast<int>(
      std::erase_if(messages, [](const ChatMessage& m) { return m.parts.empty(); }));
}

int merge_neighbours(Messages& messages) {
  Messages merged;
  for (ChatMessage& message : messages) {
    if (merged.empty() || merged.back().role != message.role) {
      merged.push_back(std::move(message));
    } else {
      std::ranges::move(message.parts, std::back_inserter(merged.back().parts));
    }
  }
  int count = static_cast<int>(messages.size() - merged.size());
  messages = std::move(merged);
  return count;
}

std::vector<const ToolCall*> calls_of(const ChatMessage& message) {
  std::vector<const ToolCall*> calls;
  for (const Part& part : message.parts) {
    if (const auto* call = std::get_if<ToolCall>(&part)) calls.push_back(call);
  }
  return calls;
}

// The user turn's parts with exactly one result for each call, in the calls' order and in front of
// the rest.
std::vector<Part> paired(const std::vector<const ToolCall*>& calls, std::vector<Part> parts,
                         RepairStats& stats) {
  std::vector<Part> results;
  std::vector<bool> used(parts.size(), false);
  for (const ToolCall* call : calls) {
    std::size_t at = 0;
    for (; at < parts.size(); ++at) {
      const auto* result = std::get_if<ToolResult>(&parts[at]);
      if (result != nullptr && !used[at] && result->call_id == call->id) break;
    }
    if (at < parts.size()) {
      used[at] = true;
      results.push_back(parts[at]);
    } else {
      ++stats.missing_results;
      results.emplace_back(ToolResult{call->id, call->name, std::string(kLost), true});
    }
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto* result = std::get_if<ToolResult>(&parts[i]);
    if (result == nullptr) {
      results.push_back(std::move(parts[i]));
    } else if (!used[i]) {
      bool known =
          std::ranges::any_of(calls, [&](const ToolCall* c) { return c->id == result->call_id; });
      ++(known ? stats.duplicate_results : stats.orphan_results);
    }
  }
  return results;
}

// Works on merged messages: the turn after an assistant's is the user's, or missing at the end. A
// lost last result is added too: every provider wants it before it goes on.
void pair_results(Messages& messages, RepairStats& stats) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == Role::kAssistant) {
      // An assistant turn cannot hold results.
      stats.orphan_results += static_cast<int>(std::erase_if(
          messages[i].parts, [](const Part& p) { return std::holds_alternative<ToolResult>(p); }));
      continue;
    }
    stats.orphan_results += static_cast<int>(std::erase_if(
        messages[i].parts, [](const Part& p) { return std::holds_alternative<ToolCall>(p); }));
    auto calls = i == 0 ? std::vector<const ToolCall*>() : calls_of(messages[i - 1]);
    messages[i].parts = paired(calls, std::move(messages[i].parts), stats);
  }
  if (messages.empty() || messages.back().role == Role::kUser) return;
  auto calls = calls_of(messages.back());
  if (!calls.empty()) messages.push_back({Role::kUser, paired(calls, {}, stats)});
}

// Providers reuse ids ("call_0" in every answer), and some refuse a request in which two calls have
// the same one. Works on paired messages: each call's result is in the next one, in their order.
int make_ids_unique(Messages& messages) {
  std::map<std::string, int> seen;
  int renamed = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != Role::kAssistant) continue;
    std::size_t at = 0;  // of the results behind it
    for (Part& part : messages[i].parts) {
      auto* call = std::get_if<ToolCall>(&part);
      if (call == nullptr) continue;
      ToolResult* result = nullptr;
      if (i + 1 < messages.size() && at < messages[i + 1].parts.size())
        result = std::get_if<ToolResult>(&messages[i + 1].parts[at++]);
      const int times = ++seen[call->id];
      if (times == 1) continue;
      call->id += fmt::format("-{}", times);
      ++seen[call->id];
      if (result != nullptr) result->call_id = call->id;
      ++renamed;
    }
  }
  return renamed;
}

bool is_plain_text(const Part& part) {
  return std::holds_alternative<TextPart>(part) && !is_blank(part);
}

// Turns of nothing but words, in order: most of every history. Looked at without a change, because
// the work below takes every message apart.
bool is_sound(const Messages& messages) {
  Role expected = Role::kUser;
  for (const ChatMessage& message : messages) {
    if (message.role != expected || message.parts.empty()) return false;
    if (!std::ranges::all_of(message.parts, is_plain_text)) return false;
    expected = expected == Role::kUser ? Role::kAssistant : Role::kUser;
  }
  return true;
}

int drop_leading_assistant(Messages& messages) {
  auto first = std::ranges::find(messages, Role::kUser, &ChatMessage::role);
  int count = static_cast<int>(first - messages.begin());
  messages.erase(messages.begin(), first);
  return count;
}

}  // namespace

// One pass may empty a message (orphans only) and so bring two of one role together, or make a
// result an orphan: repeated until nothing changes. Each further pass has dropped at least one
// message, so it ends.
RepairStats repair(Messages& messages) {
  RepairStats stats;
  if (is_sound(messages)) return stats;
  for (bool changed = true; changed;) {
    RepairStats pass;
    pass.blank_messages = drop_blank_messages(messages);
    pass.leading_dropped = drop_leading_assistant(messages);
    pass.merged = merge_neighbours(messages);
    pair_results(messages, pass);
    stats.orphan_results += pass.orphan_results;
    stats.missing_results += pass.missing_results;
    stats.duplicate_results += pass.duplicate_results;
    stats.blank_messages += pass.blank_messages;
    stats.merged += pass.merged;
    stats.leading_dropped += pass.leading_dropped;
    changed = std::ranges::any_of(messages, [](const ChatMessage& m) { return m.parts.empty(); });
  }
  stats.renamed_ids = make_ids_unique(messages);
  return stats;
}

}  // namespace skep::agent
