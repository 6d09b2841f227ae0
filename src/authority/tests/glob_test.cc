#include <gtest/gtest.h>

#include <random>

#include "skep/authority/capability.h"

namespace skep::authority {
namespace {

struct Case {
  std::string_view pattern, value;
  bool matches;
};

TEST(Glob, ReadsItsThreeGrammars) {
  const Case cases[] = {
      {"*", "anything/at.all", true},
      {"*", "a/../b", true},
      {"*", "", true},
      {"", "", true},
      {"", "a", false},
      {"file_read", "file_read", true},
      {"file_*", "file_read", true},
      {"*_read", "file_read", true},
      {"*e_r*", "file_read", true},
      {"f*d", "file_read", true},
      {"f*d", "file_reads", false},
      {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "a-c-b", false},
      {"good*", "good.evil/x", true},  // no dot and no slash in it: any run
      {"*.good.com", "www.good.com", true},
      {"*.good.com", "good.com", false},
      {"*.good.com", "a.b.good.com", false},
      {"*.good.com", "evil.com/?x=.good.com", false},
      {"*.good.com", "evil.com?x=.good.com", false},
      {"www.good.*", "www.good.com", true},
      {"www.good.*", "www.good.com.evil", false},
      {"self.*", "self.notes", true},
      {"self.*", "self.notes.deep", false},
      {"self.*", "shared.notes", false},
      {"self.notes.*", "self.notes.x", true},
      {"data/*", "data/a", true},
      {"data/*", "data/a/b", false},
      {"data/**", "data/a/b", true},
      {"data/**", "data", true},
      {"data/**", "database", false},
      {"data/**/x", "data/x", true},
      {"data/**/x", "data/a/b/x", true},
      {"data/**/x", "data/a/b/xx", false},
      {"**/x", "x", true},
      {"**/x", "a/b/x", true},
      {"data/*.txt", "data/a.txt", true},
      {"data/*.txt", "data/a/b.txt", false},
      {"data/**", "data/../x", false},
      {"data/*", "data/..", false},
      {"data/**", "data/./x", false},
      {"data/../x", "data/../x", false},
      {"d*", "data\\..\\x", false},
      {"data/..x", "data/..x", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_match(c.pattern, c.value), c.matches) << c.pattern << " on " << c.value;
}

TEST(Glob, TakesNoPatternOverItsLimit) {
  const std::string longest(pattern_bytes_max, 'a');
  EXPECT_TRUE(glob_match(longest, longest));
  EXPECT_FALSE(glob_match(longest + "a", longest + "a"));
  EXPECT_FALSE(glob_covers(longest + "*", "a"));
}

struct Cover {
  std::string_view outer, inner;
  bool covers;
};

TEST(Glob, CoversOnlyWhatItWholeMatches) {
  const Cover cases[] = {
      {"*", "*", true},
      {"*", "a/../b", true},
      {"a*", "*", false},
      {"**", "*", false},  // `*` alone also matches "..", `**` does not
      {"a*b", "a*", false},
      {"a*", "a*b", true},
      {"a*b", "a*b", true},
      {"a*b", "a*x*b", true},
      {"a*x*b", "a*b", false},
      {"self.*", "self.notes", true},
      {"self.*", "self.no*", true},
      {"self.*", "self.notes.*", false},
      {"self.*.*", "self.notes.*", true},
      {"self.*", "shared.*", false},
      {"self.*", "s*", false},
      {"s*", "self.*", true},
      {"data/**", "data/*", true},
      {"data/*", "data/**", false},
      {"data/**", "data/**/x", true},
      {"data/**", "data", true},
      {"**/x", "a/x", true},
      {"a/**/b", "a/*/b", true},
      {"a/*/b", "a/**/b", false},
      {"*.good.com", "www.good.com", true},
      {"*.good.com", "*.com", false},
      {"file_*", "file_read", true},
      {"file_read", "file_*", false},
  };
  for (const Cover& c : cases)
    EXPECT_EQ(glob_covers(c.outer, c.inner), c.covers) << c.outer << " over " << c.inner;
}

// Whatever the two patterns are: what the inner one matches, a covering one matches too.
TEST(Glob, NeverCoversWhatItDoesNotMatch) {
  std::mt19937 random(4711);
  const std::string letters = "ab*./*";
  const auto text = [&](std::string_view from, std::size_t most) {
    std::string out(random() % (most + 1), ' ');
    for (char& c : out) c = from[random() % from.size()];
    return out;
  };
  int covered = 0, matched = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string outer = text(letters, 5), inner = text(letters, 5);
    if (!glob_covers(outer, inner)) continue;
    ++covered;
    for (int i = 0; i < 20; ++i) {
      const std::string value = text("ab./", 6);
      if (!glob_match(inner, value)) continue;
      ++matched;
      EXPECT_TRUE(glob_match(outer, value)) << outer << " over " << inner << " on " << value;
    }
  }
  EXPECT_GT(covered, 500);
  EXPECT_GT(matched, 500);
}

}  // namespace
}  // namespace skep::authority
