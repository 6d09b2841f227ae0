#include "llm_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  skep::llm::check_stream<skep::llm::SseFraming>(skep::llm::anthropic_decoder, data, size);
  return 0;
}
