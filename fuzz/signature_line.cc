// The signature of a manifest: what is read is what would be written, and no foreign text is ever
// taken for a signed one.
#include <cstdint>
#include <cstdlib>

#include "skep/authority/signature.h"

using namespace skep::authority;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto line = parse_signature_line(text); line && to_text(*line) != text) std::abort();
  if (const auto parts = split_signature(text)) {
    if (!parts->line && parts->content != text) std::abort();
    if (parts->line && !text.ends_with(to_text(*parts->line)) &&
        !text.ends_with(to_text(*parts->line) + "\n"))
      std::abort();
  }
  if (const auto signer = parse_signer(text); signer && !parse_signer(to_text(*signer)))
    std::abort();
  // The key of RFC 8032's first example, which signed no manifest: all that can be accepted is a
  // text without a signature.
  const std::vector<Signer> trusted{
      {"nobody", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}};
  if (const auto who = verify_text(text, "support", trusted, std::nullopt); who && *who)
    std::abort();
  return 0;
}
