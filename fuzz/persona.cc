// Any bytes as a persona: read or refused, and what was read is written so that it reads the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "skep/memory/personas.h"

using skep::memory::Persona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto read = Persona::parse(text, "persona.toml");
  if (!read) return 0;
  (void)skep::memory::what_is_wrong_with(*read);
  const auto again = Persona::parse(read->to_text(), "again");
  read->allowed_jids.clear();
  read->max_tokens_per_message = 0;
  if (!again || *again != *read) std::abort();
  return 0;
}
