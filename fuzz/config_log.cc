// Lines of the configuration log, and what routers tell each other in the same words: what is read
// is written back and read again as the same.
#include <cstdint>
#include <cstdlib>

#include "config_state.h"
#include "skep/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skep;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)fabric::read_config_line(text);
  const auto value = parse_json(text);
  if (!value) return 0;
  (void)fabric::version_from_json(*value);
  const auto state = fabric::state_from_json(*value);
  if (!state) return 0;
  const auto again = fabric::read_config_line(fabric::config_line(*state));
  if (!again || *again != *state) std::abort();
  return 0;
}
