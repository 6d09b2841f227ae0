// Puts a summary in place of the oldest part of a long conversation, for the model. The transcript
// keeps every word.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skep/agent/agent.h"
#include "skep/authority/authority.h"

namespace skep::agent {

// What a summary is to be made of.
struct Compaction {
  std::string summary;             // the one there is
  std::vector<std::string> turns;  // as text, the oldest first
  std::int64_t entries = 0;        // messages that they are made of
  std::string last_id;             // the newest of them
  authority::Labels labels;        // of all of it
};

// More tokens than the entries come to, at the price of a look at their lengths: for every turn, of
// which few have anything to compact.
std::size_t tokens_at_most(const std::vector<memory::TranscriptEntry>& entries);
std::size_t tokens_at_most(std::string_view words);
// Whether plan_compaction() would find nothing to do with entries of so many tokens.
bool is_short(std::size_t tokens, std::size_t budget_tokens);

// Compacted is what passes four fifths of `budget_tokens`, down to three fifths: whole turns, the
// oldest first, never the newest. Nothing: it is short enough.
std::optional<Compaction> plan_compaction(const std::vector<memory::TranscriptEntry>& entries,
                                          std::size_t budget_tokens);

// Asks the model for the summary, piece by piece when it is long, and appends it to the
// transcript. Meanwhile the model may note with memory_store what should not be lost. Paid for like
// the turn of `asked`. A piece that fails is asked for once more in halves; one that cannot be had
// is named as missing. Fails, with nothing written, when the budget or the Ctx ends first, or the
// transcript cannot be written.
Task<Result<void>> compact(Ctx ctx, AgentDeps& deps, const AgentConfig& config,
                           const Message& asked, Compaction what);

}  // namespace skep::agent
