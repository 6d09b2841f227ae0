#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

std::string frame(std::string_view body) {
  const auto length = static_cast<std::uint32_t>(body.size());
  std::string out;
  for (int shift : {24, 16, 8, 0}) out += static_cast<char>(length >> shift & 0xFF);
  return out + std::string(body);
}

void feed(FrameReader& reader, std::string_view bytes) {
  std::span<char> space = reader.space(bytes.size());
  ASSERT_GE(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), bytes.size());
  reader.filled(bytes.size());
}

std::vector<std::string> frames_in(FrameReader& reader) {
  std::vector<std::string> out;
  for (;;) {
    Result<std::string_view> next = reader.next();
    if (!next || next->empty()) return out;
    out.emplace_back(*next);
  }
}

const std::vector<std::string> kBodies{"{}", std::string(300, 'x'), "1", std::string(70'000, 'y')};

TEST(FrameReader, CutsWhatComesWhole) {
  FrameReader reader;
  std::string all;
  for (const std::string& body : kBodies) all += frame(body);
  feed(reader, all);
  EXPECT_EQ(frames_in(reader), kBodies);
  EXPECT_TRUE(reader.empty());
}

TEST(FrameReader, CutsWhatComesByteByByte) {
  FrameReader reader;
  std::vector<std::string> got;
  for (const std::string& body : kBodies) {
    for (char c : frame(body)) {
      feed(reader, {&c, 1});
      for (std::string& one : frames_in(reader)) got.push_back(std::move(one));
    }
  }
  EXPECT_EQ(got, kBodies);
}

TEST(FrameReader, KnowsAnEndInsideAFrame) {
  FrameReader reader;
  EXPECT_TRUE(reader.empty());
  feed(reader, frame("{}").substr(0, 2));
  EXPECT_FALSE(reader.empty());
  EXPECT_TRUE(reader.next()->empty());
  feed(reader, frame("{}").substr(2));
  EXPECT_EQ(*reader.next(), "{}");
  EXPECT_TRUE(reader.empty());
}

TEST(FrameReader, TakesTheLongestFrameAndRefusesOneByteMore) {
  FrameReader reader;
  const std::string longest(kFrameBytesMax, 'z');
  feed(reader, frame(longest));
  EXPECT_EQ(*reader.next(), longest);
  feed(reader, std::string("\0\x02\0\x01", 4));
  EXPECT_EQ(reader.next().error().code, Code::kTooLarge);
  feed(reader, frame("{}"));
  EXPECT_FALSE(reader.next().has_value()) << "a failed reader stays failed";
}

TEST(FrameReader, WithRoomForStampsTakesThatMuchMore) {
  FrameReader reader(kStampedBytesMax);
  const std::string longest(kStampedBytesMax, 'z');
  feed(reader, frame(longest));
  EXPECT_EQ(*reader.next(), longest);
  feed(reader, frame(longest + "z"));
  EXPECT_EQ(reader.next().error().code, Code::kTooLarge);
}

TEST(FrameReader, RefusesAFrameOfNothing) {
  FrameReader reader;
  feed(reader, frame(""));
  EXPECT_EQ(reader.next().error().code, Code::kInvalid);
}

TEST(FrameReader, HoldsOneFrameAndOneRead) {
  FrameReader reader;
  for (int i = 0; i < 100; ++i) {
    std::string body(50'000, 'a');
    const std::string bytes = frame(body);
    for (std::size_t at = 0; at < bytes.size(); at += 4'096) {
      feed(reader, std::string_view(bytes).substr(at, 4'096));
      EXPECT_LE(reader.space(4'096).size(), kFrameBytesMax + 65'536);
    }
    EXPECT_EQ(frames_in(reader).size(), 1u);
  }
  EXPECT_LE(reader.space(4'096).size(), 4'096u + 16'384u) << "an idle reader gives memory back";
}

}  // namespace
}  // namespace skep::fabric
