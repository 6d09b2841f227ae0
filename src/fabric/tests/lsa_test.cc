#include "lsa.h"

#include <gtest/gtest.h>

namespace skep::fabric {
namespace {

LsaNode node(int number, const std::string& hive = "a") {
  NodeId id;
  for (std::size_t i = 0; i < 4; ++i)
    id.uuid.bytes.at(i) = static_cast<std::uint8_t>(number >> (8 * i));
  return {id, fmt::format("AI.n{}@{}", number, hive), static_cast<std::uint32_t>(number % 3)};
}

Lsa sample(Lsa::Kind kind) {
  Lsa lsa{.kind = kind, .hive = "a", .epoch = 1'764'000'000'000, .seq = 7, .path = {"a", "m"}};
  if (kind == Lsa::Kind::kDigest) lsa.digest = {3, 0xfedcba9876543210};
  if (kind == Lsa::Kind::kFull || kind == Lsa::Kind::kDelta) lsa.up = {node(1), node(2)};
  if (kind == Lsa::Kind::kDelta) lsa.down = {node(3).id};
  if (kind == Lsa::Kind::kFull) lsa.routes = {{{"AI.sop.*", Match::kPrefix}, 5}};
  return lsa;
}

TEST(Lsa, IsReadAsItWasWritten) {
  for (const auto kind :
       {Lsa::Kind::kFull, Lsa::Kind::kDelta, Lsa::Kind::kDigest, Lsa::Kind::kGone}) {
    const Lsa lsa = sample(kind);
    const auto read = read_lsa(write_lsa(lsa));
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(*read, lsa);
  }
}

TEST(Lsa, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"([])", "kind"},
      {R"({"kind":"most","hive":"a","path":["a"]})", "kind"},
      {R"({"kind":"gone","path":["a"]})", "hive"},
      {R"({"kind":"gone","hive":"a"})", "path"},
      {R"({"kind":"gone","hive":"a","path":[1]})", "path"},
      {R"({"kind":"gone","hive":"a","path":["a"],"seq":-1})", "seq"},
      {R"({"kind":"gone","hive":"a","path":["a"],"seq":1.5})", "seq"},
      {R"({"kind":"full","hive":"a","path":["a"],"part":2,"parts":1})", "part"},
      {R"({"kind":"full","hive":"a","path":["a"],"part":1,"parts":9999})", "parts"},
      {R"({"kind":"delta","hive":"a","path":["a"],"up":{}})", "up"},
      {R"({"kind":"delta","hive":"a","path":["a"],"up":[{"uuid":"x","name":"AI.x@a"}]})", "uuid"},
      {R"({"kind":"delta","hive":"a","path":["a"],"down":[7]})", "down"},
      {R"({"kind":"digest","hive":"a","path":["a"]})", "digest"},
      {R"({"kind":"digest","hive":"a","path":["a"],"digest":{"nodes":1,"hash":"xyz"}})", "hash"},
      {R"({"kind":"delta","hive":"a","path":["a"],"routes":[{"prefix":"AI.*","match_kind":"PREFIX","action":"EAT"}]})",
       "action"},
  };
  for (const auto& [text, member] : cases) {
    const auto read = read_lsa(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error(), (Error{Code::kInvalid, fmt::format("advertisement: bad {}", member)}))
        << text;
  }
  EXPECT_EQ(read_lsa(std::string(kLsaBytesMax + 1, ' ')).error().code, Code::kTooLarge);
  EXPECT_EQ(read_lsa("{").error().code, Code::kCorrupt);
}

TEST(Lsa, IsCutIntoPartsThatFit) {
  Lsa full = sample(Lsa::Kind::kFull);
  full.up.clear();
  for (int i = 0; i < 5'000; ++i) full.up.push_back(node(i));
  const std::vector<Lsa> parts = cut_lsa(full);
  ASSERT_GT(parts.size(), 5u);
  std::vector<LsaNode> together;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_LT(write_lsa(parts[i]).size(), kLsaBytesMax);
    EXPECT_EQ(parts[i].part, i + 1);
    EXPECT_EQ(parts[i].parts, parts.size());
    EXPECT_EQ(parts[i].seq, full.seq);
    together.insert(together.end(), parts[i].up.begin(), parts[i].up.end());
  }
  EXPECT_EQ(together, full.up);
}

TEST(Lsa, CutsADeltaIntoDeltasOfTheirOwn) {
  Lsa delta = sample(Lsa::Kind::kDelta);
  for (int i = 10; i < 2'000; ++i) delta.up.push_back(node(i));
  const std::vector<Lsa> parts = cut_lsa(delta);
  ASSERT_GT(parts.size(), 1u);
  for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(parts[i].seq, delta.seq + i);
  EXPECT_EQ(parts.front().down, delta.down);
  EXPECT_EQ(cut_lsa({.kind = Lsa::Kind::kFull, .hive = "a", .path = {"a"}}).size(), 1u)
      << "an empty hive says so";
}

}  // namespace
}  // namespace skep::fabric
