#include "image_facts.h"

#include <gtest/gtest.h>

#include <string>

namespace skep::tools {
namespace {

using namespace std::string_literals;

TEST(ImageFacts, TheFirstBytesTellFormatAndSize) {
  const auto png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0"s;
  EXPECT_EQ(image_facts(png), (ImageFacts{"PNG", "image/png", 640, 480}));
  EXPECT_EQ(image_facts("GIF89a\x80\x02\xe0\x01"s), (ImageFacts{"GIF", "image/gif", 640, 480}));
  const auto jpeg = "\xff\xd8\xff\xe0\0\x04xx\xff\xc2\0\x11\x08\x01\xe0\x02\x80\x03"s;
  EXPECT_EQ(image_facts(jpeg), (ImageFacts{"JPEG", "image/jpeg", 640, 480}));
  const auto bmp = "BM"s + std::string(16, '\0') + "\x80\x02\0\0\xe0\x01\0\0\0"s;
  EXPECT_EQ(image_facts(bmp), (ImageFacts{"BMP", "image/bmp", 640, 480}));
  const auto webp = "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0"s;
  EXPECT_EQ(image_facts(webp), (ImageFacts{"WebP", "image/webp", 640, 480}));
}

TEST(ImageFacts, WhatIsCutOrNoImageHarmsNobody) {
  for (const std::string& text : {""s, "BM"s, "%PDF-1.4"s, "RIFF"s, "\xff\xd8"s, "<svg/>"s})
    EXPECT_EQ(image_facts(text), std::nullopt);
  const auto jpeg = "\xff\xd8\xff\xe0\xff\xffxx"s;  // a segment that leads outside
  EXPECT_EQ(image_facts(jpeg), (ImageFacts{"JPEG", "image/jpeg", 0, 0}));
  const auto stuck = "\xff\xd8\xff\xe0\0\0\xff\xe0\0\0"s;
  EXPECT_TRUE(image_facts(stuck));
  EXPECT_EQ(image_facts("\x89PNG\r\n\x1a\n"s), (ImageFacts{"PNG", "image/png", 0, 0}));
}

}  // namespace
}  // namespace skep::tools
