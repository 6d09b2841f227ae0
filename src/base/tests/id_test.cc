#include "skep/base/id.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace skep {
namespace {

TEST(UuidText, RoundTripsInLowerCase) {
  auto uuid = Uuid::parse("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6");
  ASSERT_TRUE(uuid.has_value());
  EXPECT_EQ(uuid->str(), "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
  EXPECT_FALSE(uuid->is_nil());
  EXPECT_TRUE(Uuid{}.is_nil());
}

TEST(UuidText, RejectsEverythingElse) {
  for (const char* bad :
       {"", "f81d4fae", "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf66", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae7dec11d0a76500a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
        "f81d4fae-7dec-11d0-a76500-a0c91e6bf6"}) {
    EXPECT_EQ(Uuid::parse(bad).error().code, Code::kInvalid) << bad;
  }
}

TEST(UuidRandom, IsVersionFourAndNeverTheSame) {
  Uuid a = Uuid::random();
  EXPECT_NE(a, Uuid::random());
  EXPECT_EQ(a.str()[14], '4');
  EXPECT_NE(std::string("89ab").find(a.str()[19]), std::string::npos);
}

TEST(Ulid, AscendsAlsoWithinAMillisecond) {
  std::vector<std::string> ids;
  for (int i = 0; i < 20'000; ++i) ids.push_back(mint_ulid());
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  EXPECT_EQ(ids[0].size(), 26u);
  EXPECT_EQ(ids[0].find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos);
}

TEST(Ulid, IsUniqueAcrossThreads) {
  std::vector<std::string> ids[2];
  {
    std::vector<std::jthread> threads;
    for (auto& mine : ids) {
      threads.emplace_back([&mine] {
        for (int i = 0; i < 5'000; ++i) mine.push_back(mint_ulid());
      });
    }
  }
  std::set<std::string> all(ids[0].begin(), ids[0].end());
  all.insert(ids[1].begin(), ids[1].end());
  EXPECT_EQ(all.size(), 10'000u);
}

TEST(RandomBytes, HasTheLengthAskedFor) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(1000).size(), 1000u);
  EXPECT_NE(random_bytes(16), random_bytes(16));
}

struct AppleTag;
TEST(StrongIds, CompareByText) {
  using AppleId = StrongId<AppleTag>;
  EXPECT_LT(AppleId("a"), AppleId("b"));
  EXPECT_TRUE(AppleId().empty());
  EXPECT_EQ(std::hash<AppleId>{}(AppleId("a")), std::hash<AppleId>{}(AppleId("a")));
}

}  // namespace
}  // namespace skep
