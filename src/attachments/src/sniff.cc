#include "sniff.h"

#include <algorithm>
#include <array>

#include "skep/attachments/attachments.h"
#include "skep/base/text.h"

namespace skep::attachments {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kPdfMarkWithin = 1024;  // readers of PDF look that far
constexpr std::size_t kNameBytesMax = 80;
constexpr std::size_t kTypeBytesMax = 100;

std::string_view image_type(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff"sv)) return "image/jpeg";
  if (bytes.starts_with("GIF87a"sv) || bytes.starts_with("GIF89a"sv)) return "image/gif";
  if (bytes.starts_with("RIFF"sv) && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP"sv)
    return "image/webp";
  return {};
}

bool is_text(std::string_view bytes) {
  const bool plain = std::ranges::none_of(bytes, [](unsigned char c) {
    return c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b);
  });
  return plain && is_valid_utf8(bytes);
}

struct Known {
  std::string_view extension;
  std::string_view type;
};
constexpr auto kTexts = std::to_array<Known>({{".csv", "text/csv"},
                                              {".json", "application/json"},
                                              {".xml", "application/xml"},
                                              {".html", "text/html"},
                                              {".htm", "text/html"},
                                              {".md", "text/markdown"}});

std::string text_type(std::string_view name, std::string_view claimed) {
  const std::string lower = to_lower_ascii(name);
  for (const Known& known : kTexts) {
    if (lower.ends_with(known.extension)) return std::string(known.type);
  }
  const bool text = starts_with_ignoring_ascii_case(claimed, "text/");
  return text ? to_lower_ascii(claimed) : "text/plain";
}

// One word from outside, fit to be shown: "application/zip".
std::string clean_type(std::string_view claimed) {
  std::string type;
  for (const char c : claimed.substr(0, std::min(claimed.find(';'), kTypeBytesMax))) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      "/+-._"sv.contains(c);
    if (good) type += c;
  }
  return to_lower_ascii(type);
}

}  // namespace

Sniffed sniff(std::string_view bytes, std::string_view name, std::string_view claimed) {
  if (const std::string_view image = image_type(bytes); !image.empty())
    return {Sort::kImage, std::string(image)};
  if (bytes.substr(0, kPdfMarkWithin).contains("%PDF-"sv)) return {Sort::kPdf, "application/pdf"};
  const std::string type = clean_type(claimed);
  if (is_text(bytes)) return {Sort::kText, text_type(name, type)};
  // It says that it is what it would have been found to be: so it is not.
  const bool lies = type.starts_with("image/") || type.starts_with("text/") ||
                    type == "application/pdf" || type.empty();
  return {Sort::kOther, lies ? "application/octet-stream" : type};
}

std::string media_type_of(std::string_view bytes, std::string_view name) {
  return sniff(bytes, name, {}).media_type;
}

std::string safe_name(std::string_view name) {
  std::string safe;
  for (const char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_';
    safe += good ? c : '_';
  }
  if (safe.size() > kNameBytesMax) safe = safe.substr(safe.size() - kNameBytesMax);
  if (safe.empty()) return "file";
  if (safe.front() == '.') safe.front() = '_';
  return safe;
}

}  // namespace skep::attachments
