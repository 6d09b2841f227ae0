#include "image_facts.h"

#include <cstdint>

namespace skep::tools {
namespace {

using std::string_view;

// `count` bytes from `at` on as a number; 0 where they are not there.
std::uint32_t big(string_view bytes, std::size_t at, std::size_t count) {
  if (at + count > bytes.size()) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}
std::uint32_t little(string_view bytes, std::size_t at, std::size_t count) {
  if (at + count > bytes.size()) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = count; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// The first frame header (SOF) among the segments.
void read_jpeg(string_view bytes, ImageFacts& facts) {
  std::size_t at = 2;
  while (at + 4 <= bytes.size() && bytes[at] == '\xff') {
    const unsigned marker = big(bytes, at + 1, 1);
    const bool frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      facts.height = big(bytes, at + 5, 2);
      facts.width = big(bytes, at + 7, 2);
      return;
    }
    at += 2 + big(bytes, at + 2, 2);
  }
}

void read_webp(string_view bytes, ImageFacts& facts) {
  const string_view kind = bytes.substr(12, 4);
  if (kind == "VP8X") {
    facts.width = little(bytes, 24, 3) + 1;
    facts.height = little(bytes, 27, 3) + 1;
  } else if (kind == "VP8 ") {
    facts.width = little(bytes, 26, 2) & 0x3fff;
    facts.height = little(bytes, 28, 2) & 0x3fff;
  } else if (kind == "VP8L") {
    const std::uint32_t both = little(bytes, 21, 4);
    facts.width = (both & 0x3fff) + 1;
    facts.height = (both >> 14 & 0x3fff) + 1;
  }
}

}  // namespace

std::optional<ImageFacts> image_facts(string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"))
    return ImageFacts{"PNG", "image/png", big(bytes, 16, 4), big(bytes, 20, 4)};
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a"))
    return ImageFacts{"GIF", "image/gif", little(bytes, 6, 2), little(bytes, 8, 2)};
  if (bytes.starts_with("BM") && bytes.size() > 26)
    return ImageFacts{"BMP", "image/bmp", little(bytes, 18, 4), little(bytes, 22, 4)};
  if (bytes.starts_with("\xff\xd8\xff")) {
    ImageFacts facts{"JPEG", "image/jpeg"};
    read_jpeg(bytes, facts);
    return facts;
  }
  if (bytes.size() >= 16 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") {
    ImageFacts facts{"WebP", "image/webp"};
    read_webp(bytes, facts);
    return facts;
  }
  return std::nullopt;
}

}  // namespace skep::tools
