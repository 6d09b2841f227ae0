#include "skep/base/json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace skep {
namespace {

TEST(Json, StringTextIsWhatAValueGives) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all.push_back(static_cast<char>(c));
  for (const std::string& text :
       {std::string(), std::string("plain"), "h\xc3\xa9 \xf0\x9f\x98\x80" + all, all + "end"}) {
    std::string out = "[";
    append_json_string(out, text);
    EXPECT_EQ(out, "[" + to_json(json::value(text)));
  }
}

// Strings are looked at in blocks: each byte at each place of several.
TEST(Json, StringTextIsRightWhereverAByteStands) {
  for (std::size_t at = 0; at < 40; ++at) {
    for (int byte = 0; byte < 0x80; ++byte) {
      std::string text(40, 'x');
      text[at] = static_cast<char>(byte);
      std::string out;
      append_json_string(out, text);
      EXPECT_EQ(out, to_json(json::value(text))) << at << ' ' << byte;
    }
  }
  std::string out;
  append_json_string(out, "ééééééééééééééééééé");
  EXPECT_EQ(out, "\"ééééééééééééééééééé\"");
}

TEST(Json, ParsesWholeTextsOnly) {
  EXPECT_EQ(to_json(*parse_json(R"( {"b":[1,2.5,"x",null,true]} )")),
            R"({"b":[1,2.5E0,"x",null,true]})");
  for (const char* bad : {"", " ", "{", "[1,]", "{\"a\":1} x", "nul", "'a'", "{\"a\" 1}", "[1] [2]",
                          "\"\\ud800\"", "01", "+1", "NaN", "// c\n1", "\"a\nb\""}) {
    auto parsed = parse_json(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().code, Code::kCorrupt) << bad;
  }
}

TEST(Json, EveryPrefixOfATextIsRefused) {
  std::string whole = R"({"a":[1,"é\u00e9",{"b":false}]})";
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(parse_json(whole.substr(0, n)).has_value()) << n;
  EXPECT_TRUE(parse_json(whole).has_value());
}

TEST(Json, SaysWhere) {
  EXPECT_TRUE(parse_json("[1,2,x]").error().message.starts_with("bad JSON at byte 5:"))
      << parse_json("[1,2,x]").error().message;
}

TEST(Json, RefusesBadUtf8) { EXPECT_EQ(parse_json("\"\xc0\xaf\"").error().code, Code::kCorrupt); }

TEST(Json, LimitsDepthAndSize) {
  std::string deepest = std::string(64, '[') + std::string(64, ']');
  EXPECT_TRUE(parse_json(deepest).has_value());
  EXPECT_EQ(parse_json("[" + deepest + "]").error().code, Code::kCorrupt);
  EXPECT_EQ(parse_json("[[[]]]", {.depth_max = 2}).error().code, Code::kCorrupt);
  EXPECT_TRUE(parse_json("[1]", {.bytes_max = 3}).has_value());
  EXPECT_EQ(parse_json("[12]", {.bytes_max = 3}).error().code, Code::kTooLarge);
}

TEST(Json, NumbersStayFinite) {
  for (const char* text : {"1e308", "1e309", "1e999", "-1e400", "1e99999999999"}) {
    auto parsed = parse_json(text);
    EXPECT_TRUE(!parsed || std::isfinite(parsed->to_number<double>())) << text;
  }
}

TEST(Json, CanonicalTextSortsKeysAtEveryLevel) {
  EXPECT_EQ(to_canonical_json(*parse_json(R"({"b":{"z":1,"a":[{"y":1,"x":2}]},"a":"\n"})")),
            R"({"a":"\n","b":{"a":[{"x":2,"y":1}],"z":1}})");
  EXPECT_EQ(to_canonical_json(json::value()), "null");
  EXPECT_EQ(to_canonical_json(*parse_json("[[],{}]")), "[[],{}]");
}

TEST(Json, AStringByHandIsWrittenAsATreeWritesIt) {
  std::string all;
  for (int byte = 0; byte < 0x80; ++byte) all.push_back(static_cast<char>(byte));
  for (const std::string& text : {std::string(), all, std::string("\"a\\"), std::string("é\n漢")}) {
    std::string out = "x";
    append_json_string(out, text);
    EXPECT_EQ(out, "x" + to_json(json::value(text)));
  }
}

TEST(Json, AValueTakesItsMemoryFromTheStorageItWasGiven) {
  json::monotonic_resource arena;
  auto parsed =
      parse_json(R"({"a":["a text that is too long to lie inside the value"]})", {}, &arena);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->at("a").storage().get(), &arena);
}

TEST(Json, MembersOfOtherTypesAreAbsent) {
  json::value v = *parse_json(R"({"s":"x","i":-3,"d":1.5,"b":true,"o":{},"a":[1],"n":null})");
  EXPECT_EQ(get_string(v, "s"), "x");
  EXPECT_EQ(get_string(v, "i"), "");
  EXPECT_EQ(get_int(v, "i"), -3);
  EXPECT_EQ(get_int(v, "d"), std::nullopt);
  EXPECT_EQ(get_int(json::value{{"u", std::uint64_t{7}}}, "u"), 7);
  EXPECT_EQ(get_int(json::value{{"u", UINT64_MAX}}, "u"), std::nullopt);
  EXPECT_EQ(get_double(v, "d"), 1.5);
  EXPECT_EQ(get_double(v, "i"), -3.0);
  EXPECT_EQ(get_bool(v, "b"), true);
  EXPECT_EQ(get_bool(v, "s"), std::nullopt);
  EXPECT_NE(get_object(v, "o"), nullptr);
  EXPECT_EQ(get_array(v, "o"), nullptr);
  EXPECT_NE(get_array(v, "a"), nullptr);
  EXPECT_NE(get_member(v, "n"), nullptr);
  EXPECT_EQ(get_member(v, "x"), nullptr);
  EXPECT_EQ(get_member(json::value(1), "x"), nullptr);
}

}  // namespace
}  // namespace skep
