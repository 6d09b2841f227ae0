// What bytes are, whatever their name and their server say. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace skep::attachments {

enum class Sort { kImage, kPdf, kText, kOther };
struct Sniffed {
  Sort sort = Sort::kOther;
  std::string media_type;
};
// `name` and `claimed` only tell text from text ("text/csv"), and name what cannot be read.
Sniffed sniff(std::string_view bytes, std::string_view name, std::string_view claimed);

// Letters, digits, ".", "-" and "_"; never empty, never hidden, at most 80 bytes.
std::string safe_name(std::string_view name);

}  // namespace skep::attachments
