// Capability patterns: what one covers it also matches, and covering is what inheritance rests on.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "skep/authority/capability.h"

using namespace skep::authority;

// Three lines: a pattern, another one, a value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::string_view parts[3];
  for (std::string_view& part : parts) {
    part = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(part.size() < rest.size() ? part.size() + 1 : rest.size());
  }
  const auto [outer, inner, value] = parts;
  const bool covers = glob_covers(outer, inner);
  if (covers && glob_match(inner, value) && !glob_match(outer, value)) std::abort();
  if (outer.size() <= pattern_bytes_max && outer == inner && outer.size() < 40 && !covers)
    std::abort();
  if (const auto capability = parse_capability(value)) {
    if (const auto again = parse_capability(to_text(*capability)); !again || *again != *capability)
      std::abort();
  }
  return 0;
}
