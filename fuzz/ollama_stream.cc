#include "llm_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto end = skep::llm::check_stream<skep::llm::LineFraming>(skep::llm::ollama_decoder, data, size);
  if (end.ok && end.watched != end.text) std::abort();  // what was watched is what is kept
  return 0;
}
