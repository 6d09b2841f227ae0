// Where answers are delivered, as people and models write it: whatever parses says itself again,
// and no address puts a line of its own into a mail.
#include "skep/schedule/delivery.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "skep/net/mail.h"

using namespace skep;
using schedule::Delivery;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string words(text);
  const auto mail = net::mail_text(
      {.id = "1", .from = "a@example.org", .to = "b@example.org", .subject = words, .text = words});
  if (mail && mail->find("\r\n\r\n") == std::string::npos) std::abort();
  const auto read = Delivery::parse(text);
  if (!read) return 0;
  const auto again = Delivery::parse(read->text());
  if (!again || !(*again == *read)) std::abort();
  if (read->way != Delivery::Way::kMail) return 0;
  if (!net::mail_text({.id = "1", .from = "a@example.org", .to = read->to})) std::abort();
  return 0;
}
