// An event stream of any bytes, fed whole and in pieces: both must see the same events.
#include "skep/net/sse.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using Events = std::vector<skep::net::SseEvent>;

bool parse(std::string_view text, std::size_t step, Events& events) {
  skep::net::SseParser parser({.line_bytes_max = 200, .data_bytes_max = 500});
  for (std::size_t at = 0; at < text.size(); at += step) {
    if (!parser.feed(text.substr(at, step), events)) return false;
  }
  return parser.finish(events).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Events whole;
  Events pieces;
  const bool whole_ok = parse(text, text.size() + 1, whole);
  const bool pieces_ok = parse(text, data[0] % 16u + 1, pieces);
  if (whole_ok != pieces_ok || whole != pieces) std::abort();
  return 0;
}
