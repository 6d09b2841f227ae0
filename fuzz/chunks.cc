// Files of the memory as pieces that can be found: people edit them as they like.
#include "chunks.h"

#include <cstdint>
#include <string_view>

#include "words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skep::memory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& chunks : {session_chunks(text, 0), note_chunks(text), document_chunks(text)}) {
    for (const Chunk& chunk : chunks) {
      if (chunk.text.size() > chunk_bytes_max + 256) __builtin_trap();
    }
  }
  for (const std::string& word : search_words(text)) {
    if (word.empty() || word.contains('"') || word.contains(' ')) __builtin_trap();
  }
  return 0;
}
