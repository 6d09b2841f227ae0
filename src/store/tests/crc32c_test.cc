#include "skep/store/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace skep::store {
namespace {

// Segments written on one machine are read on another.
TEST(Crc32c, GivesTheKnownSums) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  // RFC 3720 B.4
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
}

TEST(Crc32c, GoesOnFromAnySplit) {
  std::string text;
  for (char c = 0; c < 41; ++c) text.push_back(static_cast<char>(c * 37));
  const std::string_view all = text;
  for (std::size_t at = 0; at <= all.size(); ++at) {
    EXPECT_EQ(crc32c(all.substr(at), crc32c(all.substr(0, at))), crc32c(all)) << at;
  }
}

}  // namespace
}  // namespace skep::store
