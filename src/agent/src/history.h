// The transcript as the model reads it again.
#pragma once

#include <vector>

#include "skep/authority/authority.h"
#include "skep/llm/driver.h"
#include "skep/memory/memory.h"

namespace skep::agent {

// A user's messages and what answered them.
struct PastTurn {
  std::vector<llm::ChatMessage> messages;
  std::size_t tokens = 0;
  std::size_t entries = 0;   // of the transcript
  std::string last_id;       // msg_id of its newest message; may be empty
  authority::Labels labels;  // of its words
};
// What is still to be read word by word, and the newest summary of what came before it.
struct Past {
  std::string summary;
  authority::Labels summary_labels;
  std::vector<PastTurn> turns;
};
Past past_of(const std::vector<memory::TranscriptEntry>& entries);

struct Replay {
  std::vector<llm::ChatMessage> messages;  // starts with a user turn, roles alternate
  std::size_t dropped_turns = 0;
  authority::Labels labels;  // of all that is in them
};
// The newest whole turns (a user's messages and what answered them) that fit into the budget, after
// the newest summary, which stays in any case. Ids and times stay out; images are not replayed;
// attachments are one compact JSON line each.
Replay replay(const std::vector<memory::TranscriptEntry>& entries, std::size_t token_budget);

// "ann: text"; further lines are indented, so that nobody can write a line in another's name.
std::string spoken(std::string_view speaker, std::string_view text);

// {"attachment":"a.pdf","type":"application/pdf","size":"120 KB"}
std::string attachment_line(std::string_view filename, std::string_view media_type,
                            std::string_view size);

}  // namespace skep::agent
