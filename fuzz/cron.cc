// Times that people and models write: whatever parses has a next time that lies ahead, says itself
// again, and runs only at times that it names.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "skep/schedule/when.h"

using namespace skep;
using namespace skep::schedule;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)TimeZone::from_file(text, "fuzz");
  (void)QuietHours::parse(text, "UTC");
  for (const char* zone : {"UTC", "Europe/Paris", "Australia/Lord_Howe"}) {
    WallTime now{Millis(1'774'740'600'000)};  // the night of a change in Paris
    const auto when = When::parse(text, zone, now);
    if (!when) continue;
    const auto again = When::parse(when->text(), zone, now);
    if (!again || !(*again == *when)) std::abort();
    for (int i = 0; i < 8; ++i) {
      const auto next = when->next(now);
      if (!next) break;
      if (*next <= now) std::abort();
      now = *next;
    }
  }
  return 0;
}
