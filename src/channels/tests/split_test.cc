#include "../src/split.h"

#include <gtest/gtest.h>

#include "skep/base/text.h"

namespace skep::channels {
namespace {

using Parts = std::vector<std::string>;

// Only what is no white space and no fence: nothing of it may get lost or change its order.
std::string essence(std::string_view text) {
  std::string out;
  for (std::string_view line : split(text, '\n')) {
    if (trim(line).starts_with("```")) continue;
    for (char c : line) {
      if (c != ' ') out.push_back(c);
    }
  }
  return out;
}

std::size_t fences(std::string_view text) {
  std::size_t count = 0;
  for (std::string_view line : split(text, '\n')) count += line.starts_with("```") ? 1 : 0;
  return count;
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out.append(text);
  return out;
}

TEST(SplitReply, LeavesAShortTextWhole) {
  EXPECT_EQ(split_reply("hello\n\nworld", 100), Parts{"hello\n\nworld"});
  EXPECT_EQ(split_reply("hello\n", 100), Parts{"hello"});
}

TEST(SplitReply, GivesNoPartForNoText) {
  EXPECT_EQ(split_reply("", 100), Parts{});
  EXPECT_EQ(split_reply(" \n\n ", 100), Parts{});
}

TEST(SplitReply, CutsAtParagraphsFirst) {
  const std::string a(40, 'a');
  const std::string b = std::string(20, 'b') + "\n" + std::string(20, 'b');
  EXPECT_EQ(split_reply(a + "\n\n" + b, 80), (Parts{a, b}));
}

TEST(SplitReply, CutsAtLinesThenAtWords) {
  const std::string line(40, 'a');
  EXPECT_EQ(split_reply(line + "\n" + line + "\n" + line, 90), (Parts{line + "\n" + line, line}));
  EXPECT_EQ(split_reply(line + " " + line + " " + line, 90), (Parts{line + " " + line, line}));
}

TEST(SplitReply, NeverCutsACharacterInTwo) {
  const std::string text = repeat("ü€😀", 100);
  const Parts parts = split_reply(text, 64);
  std::string joined;
  for (const std::string& part : parts) {
    EXPECT_TRUE(is_valid_utf8(part));
    EXPECT_LE(part.size(), 64u);
    joined += part;
  }
  EXPECT_EQ(joined, text);
}

TEST(SplitReply, ClosesAndReopensACodeFence) {
  const std::string code = "    indented\n" + repeat("line of code\n", 10);
  const Parts parts = split_reply("Look:\n```cpp\n" + code + "```\nDone.", 90);
  ASSERT_GT(parts.size(), 1u);
  for (const std::string& part : parts) {
    EXPECT_EQ(fences(part) % 2, 0u) << part;
    EXPECT_LE(part.size(), 90u);
  }
  EXPECT_TRUE(parts[1].starts_with("```cpp\n")) << parts[1];
  EXPECT_TRUE(parts.back().ends_with("Done."));
}

TEST(SplitReply, KeepsEverythingForAnyLimit) {
  const std::string text = repeat("A paragraph with *marks*, `code` and\na second line.\n\n", 6) +
                           "```\n" + repeat("int x = 1;\n\n", 12) + "```\n" +
                           std::string(300, 'x') + "\n\n" + repeat("größer ", 40);
  for (std::size_t limit = 64; limit < 700; limit += 7) {
    std::string seen;
    for (const std::string& part : split_reply(text, limit)) {
      EXPECT_LE(part.size(), limit);
      EXPECT_FALSE(trim(part).empty());
      EXPECT_EQ(fences(part) % 2, 0u) << limit << ": " << part;
      seen += essence(part);
    }
    EXPECT_EQ(seen, essence(text)) << limit;
  }
}

}  // namespace
}  // namespace skep::channels
