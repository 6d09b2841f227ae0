// apply_patch's format and hunks: any text is parsed or refused, and what applies leaves whole
// lines.
#include "patch.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t half = text.find("*** Begin Patch");
  const std::string_view content = text.substr(0, half == std::string_view::npos ? 0 : half);
  const auto files = skep::tools::parse_patch(text.substr(content.size()));
  if (!files) return 0;
  for (const skep::tools::FilePatch& file : *files) {
    const auto changed = skep::tools::apply_hunks(content, file);
    if (changed && content.ends_with('\n') && !changed->empty() && !changed->ends_with('\n'))
      __builtin_trap();
  }
  return 0;
}
