// Files as pieces that can be found. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"

namespace skep::memory {

enum class Source : std::uint8_t { kNote = 1, kProfile, kSession, kShared };

struct Chunk {
  std::string place;  // "line 12", a note's key
  std::string who;    // sender of a message; "assistant"
  std::string text;
  std::optional<WallTime> at;
  std::string taint;
  std::string turn;  // of a message: the turn it belongs to
};

// Longer texts are several chunks, which overlap: a sentence at their border is whole in one.
inline constexpr std::size_t chunk_bytes_max = 1600;  // about 400 tokens
inline constexpr std::size_t chunk_overlap_bytes = 240;

std::vector<std::string_view> pieces_of(std::string_view text);

// `lines_before`: how many lines of the file stand before `text`.
std::vector<Chunk> session_chunks(std::string_view text, std::size_t lines_before);
std::vector<Chunk> note_chunks(std::string_view text);
// Paragraph by paragraph, each with the heading above it.
std::vector<Chunk> document_chunks(std::string_view text);

// What there is to find in a person's folder, or in the shared one: paths below it, sorted.
struct IndexedFile {
  std::string path;
  Source source = Source::kNote;
  std::uint64_t inode = 0, size = 0;
  std::int64_t modified_ns = 0;
};
struct FileChoice {
  bool memory = true, sessions = true;  // of a person's folder
  bool shared = false;                  // it is the shared folder
};
inline constexpr std::size_t indexed_files_max = 20'000;
std::vector<IndexedFile> files_to_index(const std::string& directory, const FileChoice& choice);

}  // namespace skep::memory
