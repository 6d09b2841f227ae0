// One line of a session file, as people and crashes may leave it. What is understood must be
// written in a form that reads back alike.
#include <cstdlib>

#include "skep/memory/memory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using skep::memory::parse_line;
  using skep::memory::to_line;
  const auto entry = parse_line({reinterpret_cast<const char*>(data), size});
  if (!entry) return 0;
  const std::string line = to_line(*entry);
  const auto again = parse_line(line);
  if (!again || to_line(*again) != line || line.find('\n') != std::string::npos) std::abort();
  return 0;
}
