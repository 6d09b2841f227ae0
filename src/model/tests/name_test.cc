#include "skep/model/name.h"

#include <gtest/gtest.h>

namespace skep {
namespace {

std::string long_field(std::size_t n) { return std::string(n, 'x'); }

TEST(NodeNames, ParsesValidOnes) {
  for (const std::string& text :
       {std::string("AI.support@lab"), std::string("SY.config@h"),
        std::string("RT.main.a.b.c.d.e.f.g.h@h-1_x"), std::string("IO.xmpp+x_y-z@lab"),
        "WF." + long_field(63) + "@" + std::string(64, 'h')}) {
    auto name = Name::parse(text);
    ASSERT_TRUE(name.has_value()) << text;
    EXPECT_EQ(name->str(), text);
  }
  Name name = *Name::parse("AI.support.l1@lab");
  EXPECT_EQ(name.type(), NodeType::kAgent);
  EXPECT_EQ(name.base(), "AI.support.l1");
  EXPECT_EQ(name.hive(), "lab");
}

TEST(NodeNames, TakesTheLocalHiveOnlyWhenNoneIsGiven) {
  EXPECT_EQ(Name::parse("AI.a", "lab")->str(), "AI.a@lab");
  EXPECT_EQ(Name::parse("AI.a@x", "lab")->str(), "AI.a@x");
  EXPECT_FALSE(Name::parse("AI.a").has_value());
  EXPECT_FALSE(Name::parse("AI.a@", "lab").has_value());
}

TEST(NodeNames, RejectsInvalidOnes) {
  std::string too_long = "AI." + long_field(63) + "." + long_field(63) + "." + long_field(63) +
                         "@" + std::string(64, 'h');
  for (const std::string& text : {std::string(""),
                                  std::string("@"),
                                  std::string("AI"),
                                  std::string("AI@h"),
                                  std::string("AI.@h"),
                                  std::string("AI..a@h"),
                                  std::string(".a@h"),
                                  std::string("XX.a@h"),
                                  std::string("ai.a@h"),
                                  std::string("AI.a@h@i"),
                                  std::string("AI.a b@h"),
                                  std::string("AI.\xc3\xa9@h"),
                                  std::string("AI.a@h.i"),
                                  std::string("AI.a@h+i"),
                                  std::string("AI.a.@h"),
                                  std::string("AI.a/b@h"),
                                  "AI." + long_field(64) + "@h",
                                  "AI.a@" + std::string(65, 'h'),
                                  std::string("AI.1.2.3.4.5.6.7.8.9.10@h"),
                                  too_long,
                                  std::string("AI.a\0@h", 7)}) {
    auto name = Name::parse(text);
    ASSERT_FALSE(name.has_value()) << text;
    EXPECT_EQ(name.error().code, Code::kInvalid);
  }
}

TEST(NodeNames, FromAnyLabelIsAlwaysValid) {
  struct Row {
    std::string label, hive, expected;
  };
  for (const Row& row : {Row{"support", "lab", "AI.support@lab"},
                         {"", "", "AI.agent@local"},
                         {"Ann's bot@x.org", "my.hive", "AI.Ann-s-bot-x-org@my-hive"},
                         {"Zoë 🐝", "lab", "AI.Zo---@lab"},
                         {std::string(500, 'x'), std::string(500, 'h'),
                          "AI." + long_field(63) + "@" + std::string(64, 'h')},
                         {"\x80\x80", "\x80", "AI.agent@local"}}) {
    Name name = Name::from_label(NodeType::kAgent, row.label, row.hive);
    EXPECT_EQ(name.str(), row.expected);
    EXPECT_EQ(Name::parse(name.str()), name);
  }
}

TEST(NodeNames, EachTypeHasItsPrefix) {
  for (auto [type, prefix] : {std::pair{NodeType::kRouter, "RT"},
                              {NodeType::kSystem, "SY"},
                              {NodeType::kChannel, "IO"},
                              {NodeType::kAgent, "AI"},
                              {NodeType::kWorkflow, "WF"}}) {
    EXPECT_EQ(node_type_prefix(type), prefix);
    EXPECT_EQ(Name::parse(std::string(prefix) + ".a@h")->type(), type);
  }
}

TEST(Identities, RoundTrip) {
  Ilk ilk{Uuid::random()};
  EXPECT_EQ(Ilk::parse(ilk.str()), ilk);
  EXPECT_TRUE(Ilk{}.is_nil());
  for (const char* bad : {"", "ilk:", "ilk:x", "ILK:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                          "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}) {
    EXPECT_EQ(Ilk::parse(bad).error().code, Code::kInvalid) << bad;
  }
}

}  // namespace
}  // namespace skep
