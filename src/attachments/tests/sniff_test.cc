#include "sniff.h"

#include <gtest/gtest.h>

namespace skep::attachments {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view bytes;
  std::string_view name;
  std::string_view claimed;
  Sort sort;
  std::string_view type;
};

TEST(Sniff, BelievesTheBytesAndNotWhatIsSaidOfThem) {
  const Case cases[] = {
      {"\x89PNG\r\n\x1a\n...."sv, "a.txt", "text/plain", Sort::kImage, "image/png"},
      {"\xff\xd8\xff\xe0...."sv, "", "", Sort::kImage, "image/jpeg"},
      {"GIF89a...."sv, "", "image/png", Sort::kImage, "image/gif"},
      {"RIFF....WEBPVP8 "sv, "", "", Sort::kImage, "image/webp"},
      {"RIFF....WAVEfmt "sv, "a.wav", "audio/wav", Sort::kText, "text/plain"},
      {"%PDF-1.7\n\xe2\xe3"sv, "a.bin", "", Sort::kPdf, "application/pdf"},
      {"a,b\n1,2\n"sv, "A.CSV", "application/octet-stream", Sort::kText, "text/csv"},
      {"plain words"sv, "noext", "TEXT/X-LOG; charset=utf-8", Sort::kText, "text/x-log"},
      {"PK\x03\x04\0\0"sv, "a.zip", "application/zip", Sort::kOther, "application/zip"},
      {"\0\0\0"sv, "a.png", "image/png", Sort::kOther, "application/octet-stream"},
      {"\0\0\0"sv, "x", "bad type\n<x>", Sort::kOther, "badtypex"},
      {"caf\xe9"sv, "a.txt", "text/plain", Sort::kOther, "application/octet-stream"},
  };
  for (const Case& one : cases) {
    const Sniffed found = sniff(one.bytes, one.name, one.claimed);
    EXPECT_EQ(found.sort, one.sort) << one.bytes;
    EXPECT_EQ(found.media_type, one.type) << one.bytes;
  }
}

TEST(SafeName, LeavesNothingThatMeansSomethingInAPath) {
  EXPECT_EQ(safe_name("report.pdf"), "report.pdf");
  EXPECT_EQ(safe_name("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(safe_name(".bashrc"), "_bashrc");
  EXPECT_EQ(safe_name("\xc3\xa4 b\n"), "___b_");
  EXPECT_EQ(safe_name(""), "file");
  EXPECT_EQ(safe_name(std::string(500, 'a') + ".png").size(), 80u);
  EXPECT_TRUE(safe_name(std::string(500, 'a') + ".png").ends_with(".png"));
}

}  // namespace
}  // namespace skep::attachments
