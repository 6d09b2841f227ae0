// Foreign bytes as what search services answer, images, and texts that hold tool calls.
#include <cstdint>
#include <string_view>

#include "image_facts.h"
#include "search_services.h"
#include "text_calls.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const skep::tools::SearchService& one : skep::tools::search_services())
    (void)one.read(bytes);
  (void)skep::tools::image_facts(bytes);
  static const skep::llm::ToolSpecs tools{{"file_read", "", skep::json::object{}}};
  (void)skep::llm::find_text_calls(bytes, tools);
  return 0;
}
