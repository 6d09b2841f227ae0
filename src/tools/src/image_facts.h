// What the first bytes of an image say about it. Pure; never reads past the end.
#pragma once

#include <optional>
#include <string_view>

namespace skep::tools {

struct ImageFacts {
  std::string_view format;         // "PNG"
  std::string_view media_type;     // "image/png"
  unsigned width = 0, height = 0;  // 0: not found
  bool operator==(const ImageFacts&) const = default;
};
// PNG, JPEG, GIF, WebP, BMP; nullopt for anything else.
std::optional<ImageFacts> image_facts(std::string_view bytes);

}  // namespace skep::tools
