// An agent's manifest of any bytes: what parses must come back from its own text as the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "skep/agent/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using skep::agent::Manifest;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = Manifest::parse(text);
  if (!manifest) return 0;
  const auto again = Manifest::parse(manifest->to_text());
  if (again != manifest) std::abort();
  (void)manifest->check_child_of(*manifest);
  if (!(manifest->bounded_by(*manifest) == *manifest)) std::abort();
  return 0;
}
