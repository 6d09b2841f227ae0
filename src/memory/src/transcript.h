// Lines of a session file beyond what the public face gives. Private to the room.
#pragma once

#include "skep/memory/memory.h"

namespace skep::memory {

constexpr int kTranscriptVersion = 2;
constexpr std::size_t kToolTextBytesMax = 4096;

// The first line of a session file.
std::string header_line(const Conversation& conversation, WallTime created);
// nullopt when it is missing, no string, or no time that can be written again.
std::optional<WallTime> time_from(const json::value& value, std::string_view key);
// Whether parse_line(to_line(entry)) is the entry; when in doubt, false.
bool reads_back_as_it_is(const TranscriptEntry& entry);
// What JSON can carry: broken UTF-8 becomes U+FFFD, or the line could not be read again.
json::string json_text(std::string_view text);

// Where a result's words come from; also of transcripts that do not say so yet.
std::string_view taint_of(const TranscriptTool& tool);
void add_taint(std::string& taint, std::string_view more);

}  // namespace skep::memory
