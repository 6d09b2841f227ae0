// What people and upload services write about files.
#include "skep/xmpp/shared_files.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "skep/xmpp/stanza.h"
#include "sniff.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skep;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)attachments::sniff(text, text.substr(0, size / 2), text.substr(size / 2));
  const std::string safe = attachments::safe_name(text);
  if (safe.empty() || safe.front() == '.' || safe.contains('/')) __builtin_trap();
  const auto stanza = xmpp::parse_element(text, xmpp::kNsClient);
  if (!stanza) return 0;
  const auto files = xmpp::read_shared_files(*stanza);
  if (files.size() > xmpp::kSharedFilesMax) __builtin_trap();
  for (const xmpp::SharedFile& file : files) {
    if (file.name.contains('/') || file.name.contains('\n')) __builtin_trap();
    xmpp::Element message("message", std::string(xmpp::kNsClient));
    xmpp::add_shared_file(message, file);
    if (!file.url.empty() && xmpp::read_shared_files(message).empty()) __builtin_trap();
  }
  (void)xmpp::read_upload_service(*stanza);
  if (const auto slot = xmpp::read_slot(*stanza)) {
    for (const auto& [name, value] : slot->headers) {
      if (value.contains('\n')) __builtin_trap();
    }
  }
  return 0;
}
