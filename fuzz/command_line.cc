// allowed_commands: whatever a line holds, it becomes words without a NUL or is refused.
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "exec_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto words = skep::tools::split_command({reinterpret_cast<const char*>(data), size});
  if (!words) return 0;
  if (words->empty()) __builtin_trap();
  const std::string allowed[] = {"cat", "python3"};
  std::ignore = skep::tools::check_command(*words, allowed);
  return 0;
}
