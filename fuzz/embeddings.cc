// What an embedding model answers.
#include <cstdint>
#include <string_view>

#include "skep/llm/embedder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const skep::llm::Wire wire : {skep::llm::Wire::kOpenai, skep::llm::Wire::kOllama}) {
    for (const std::size_t texts : {1U, 2U}) {
      const auto answer = skep::llm::embed_answer(wire, text, texts);
      if (answer && answer->vectors.size() != texts) __builtin_trap();
    }
  }
  return 0;
}
