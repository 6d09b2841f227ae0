#include "memory_replies.h"

#include <algorithm>

#include "failure_text.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::agent {
namespace {

constexpr std::size_t kListedMax = 50;
constexpr std::size_t kContentShownBytes = 200;
constexpr std::size_t kKeyShownBytes = 128;

std::string trouble(const Error& error) {
  std::string incident = mint_incident();
  log::warn("agent", "incident {}: /memory: {}", incident, error.to_string());
  return fmt::format(
      "Sorry, my notes could not be read or written. My operator needs to look at it. (incident "
      "{})",
      incident);
}

std::string note_line(const memory::KnowledgeEntry& entry) {
  std::string content = replace_all(entry.content, "\n", " ");
  const std::string_view shown = cut_utf8(content, kContentShownBytes);
  std::string line =
      fmt::format("[{}] {}{}", entry.key, shown, shown.size() < content.size() ? "…" : "");
  if (entry.ts) line += fmt::format(" ({})", format_rfc3339(*entry.ts).substr(0, 10));
  if (!entry.taint.empty()) line += fmt::format(" (from what I had read: {})", entry.taint);
  return line;
}

std::string list(std::string_view query, const CommandScope& scope) {
  auto found = scope.deps.memory.recall(scope.conversation, query);
  if (!found) return trouble(found.error());
  if (found->empty()) return query.empty() ? "I have no notes about you." : "No note matches.";
  std::vector<std::string> lines;
  for (const memory::KnowledgeEntry& entry : *found) {
    if (lines.size() < kListedMax) lines.push_back(note_line(entry));
  }
  if (found->size() > lines.size())
    lines.push_back(
        fmt::format("({} more; /memory list WORDS narrows it down)", found->size() - lines.size()));
  return join(lines, "\n");
}

std::string drop(std::string_view key, const CommandScope& scope) {
  if (key.empty()) return "/memory del takes the key of a note; /memory list shows them.";
  if (!scope.may_manage) return "/memory del is for the owners and administrators of this room.";
  auto dropped = scope.deps.memory.drop_note(scope.conversation, key);
  if (!dropped) return trouble(dropped.error());
  const std::string shown(cut_utf8(key, kKeyShownBytes));
  if (*dropped) return fmt::format("Deleted the note \"{}\".", shown);
  auto all = scope.deps.memory.recall(scope.conversation, "");
  std::vector<std::string> keys;
  if (all) std::ranges::transform(*all, std::back_inserter(keys), &memory::KnowledgeEntry::key);
  const auto near = nearest(key, keys);
  return fmt::format("There is no note \"{}\".{}", shown,
                     near ? fmt::format(" Did you mean \"{}\"?", *near) : "");
}

std::string overview(const CommandScope& scope) {
  auto stats = scope.deps.memory.stats(scope.conversation);
  if (!stats) return trouble(stats.error());
  return fmt::format(
      "I keep {} note{} about you.\n/memory list [words] - show them\n/memory del KEY - delete "
      "one\n"
      "/forget erases them all, and this conversation.",
      stats->knowledge, stats->knowledge == 1 ? "" : "s");
}

}  // namespace

std::string answer_memory(std::string_view arguments, const CommandScope& scope) {
  const std::size_t blank = std::min(arguments.find_first_of(" \t\n"), arguments.size());
  const std::string verb = to_lower_ascii(arguments.substr(0, blank));
  const std::string_view rest = trim(arguments.substr(blank));
  if (verb == "list") return list(rest, scope);
  if (verb == "del" || verb == "delete") return drop(rest, scope);
  return overview(scope);
}

}  // namespace skep::agent
