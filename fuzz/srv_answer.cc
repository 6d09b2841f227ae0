// DNS answers of any bytes.
#include <cstddef>
#include <cstdint>

#include "dns_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65'535) return 0;
  auto records = skep::net::parse_srv_answer({data, size});
  if (records)
    skep::net::order_srv(*std::move(records), [](std::uint32_t most) { return most / 2; });
  return 0;
}
