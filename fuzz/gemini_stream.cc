#include "llm_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto make = [](skep::llm::EventSink sink) { return skep::llm::gemini_decoder(std::move(sink)); };
  auto end = skep::llm::check_stream<skep::llm::SseFraming>(make, data, size);
  if (end.ok && end.watched != end.text) std::abort();  // what was watched is what is kept
  return 0;
}
