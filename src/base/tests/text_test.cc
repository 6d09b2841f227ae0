#include "skep/base/text.h"

#include <gtest/gtest.h>

namespace skep {
namespace {

using Texts = std::vector<std::string>;
Texts owned(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

TEST(Text, TrimsSplitsAndJoins) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(owned(split("a,,b,", ',')), (Texts{"a", "", "b", ""}));
  EXPECT_EQ(owned(split("", ',')), Texts{""});
  EXPECT_EQ(owned(split_words("  a \t b\n")), (Texts{"a", "b"}));
  EXPECT_TRUE(split_words(" ").empty());
  EXPECT_EQ(join(Texts{"a", "b"}, ", "), "a, b");
  EXPECT_EQ(join(Texts{}, ", "), "");
}

TEST(Text, ComparesIgnoringAsciiCaseOnly) {
  EXPECT_EQ(to_lower_ascii("AbZ\xc3\x84"), "abz\xc3\x84");
  EXPECT_TRUE(equals_ignoring_ascii_case("Content-Type", "content-type"));
  EXPECT_FALSE(equals_ignoring_ascii_case("a", "ab"));
  EXPECT_TRUE(starts_with_ignoring_ascii_case("Bearer x", "bearer "));
  EXPECT_FALSE(starts_with_ignoring_ascii_case("Be", "bearer"));
}

TEST(Text, ReplacesAll) {
  EXPECT_EQ(replace_all("a.b.c", ".", ".."), "a..b..c");
  EXPECT_EQ(replace_all("aaa", "aa", "b"), "ba");
  EXPECT_EQ(replace_all("abc", "", "x"), "abc");
}

TEST(Utf8, TableOfGoodAndBad) {
  struct Row {
    std::string_view bytes;
    bool valid;
    std::string_view repaired;
  };
  for (const Row& row :
       {Row{"", true, ""},
        {"a\x7f", true, "a\x7f"},
        {"\xc2\x80", true, "\xc2\x80"},
        {"\xe2\x82\xac", true, "\xe2\x82\xac"},
        {"\xf0\x9f\x90\x9d", true, "\xf0\x9f\x90\x9d"},
        {"\xf4\x8f\xbf\xbf", true, "\xf4\x8f\xbf\xbf"},
        {"\xee\x80\x80", true, "\xee\x80\x80"},
        {"\x80", false, "\xef\xbf\xbd"},
        {"\xc0\xaf", false, "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc1\xbf", false, "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe0\x80\xaf", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x80\x80\x80", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf5", false, "\xef\xbf\xbd"},
        {"\xff", false, "\xef\xbf\xbd"},
        {"a\xe2\x82", false, "a\xef\xbf\xbd"},
        {"\xe2\x82z", false, "\xef\xbf\xbdz"},
        {"\xf0\x9f\x90", false, "\xef\xbf\xbd"},
        {"\xc3", false, "\xef\xbf\xbd"}}) {
    EXPECT_EQ(is_valid_utf8(row.bytes), row.valid) << testing::PrintToString(row.bytes);
    EXPECT_EQ(to_valid_utf8(row.bytes), row.repaired) << testing::PrintToString(row.bytes);
  }
}

// Long texts are looked at in strides: what is wrong must be found wherever it lies in one.
TEST(Utf8, FindsOneWrongByteAnywhereInALongText) {
  for (const std::string_view character : {"a", "\xc3\xa9", "\xe4\xbd\xa0", "\xf0\x9f\x90\x9d"}) {
    for (std::size_t before = 0; before < 70; ++before) {
      std::string good(before, 'b');
      while (good.size() < 140) good += character;
      ASSERT_TRUE(is_valid_utf8(good)) << before;
      for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = '\xff';
        ASSERT_FALSE(is_valid_utf8(bad)) << before << ", " << at;
        bad = good;
        if ((bad[at] & 0x80) == 0) continue;
        bad.erase(at, 1);
        ASSERT_FALSE(is_valid_utf8(bad)) << before << ", " << at;
      }
      for (const std::string_view wrong :
           {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80"}) {
        ASSERT_FALSE(is_valid_utf8(std::string(good).insert(before, wrong))) << before;
      }
    }
  }
}

TEST(Utf8, CutsOnCharacterBorders) {
  std::string_view text =
      "a\xe2\x82\xac"
      "b";
  const std::string_view cuts[] = {"", "a", "a", "a", "a\xe2\x82\xac", text, text};
  for (std::size_t n = 0; n < std::size(cuts); ++n) EXPECT_EQ(cut_utf8(text, n), cuts[n]) << n;
}

TEST(Hex, RoundTripsAndRefusesOthers) {
  EXPECT_EQ(hex_encode(std::string_view("\x00\xff\x1a", 3)), "00ff1a");
  EXPECT_EQ(hex_decode("00FF1a"), std::string("\x00\xff\x1a", 3));
  EXPECT_EQ(hex_decode("0"), std::nullopt);
  EXPECT_EQ(hex_decode("0g"), std::nullopt);
}

TEST(Base64, VectorsOfRfc4648) {
  const std::pair<std::string, std::string> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"},
                                                      {"\xff\xef", "/+8="}};
  for (const auto& [bytes, text] : rows) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64, IsStrict) {
  for (const char* bad : {"Zg", "Zg=", "Zg===", "Z", "=", "====", "Z===", "Zm9v\n", "Zm 9",
                          "Zh==", "Zm9=", "Zg==Zg==", "_-8="}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
}

TEST(Digests, KnownVectors) {
  EXPECT_EQ(hex_encode(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex_encode(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  Texts keys = {"host", "port", "password", "component_secret"};
  EXPECT_EQ(nearest("hots", keys), "host");
  EXPECT_EQ(nearest("prt", keys), "port");
  EXPECT_EQ(nearest("passwrd", keys), "password");
  EXPECT_EQ(nearest("compnent_secret", keys), "component_secret");
  EXPECT_EQ(nearest("colour", keys), std::nullopt);
  EXPECT_EQ(nearest("", keys), std::nullopt);
  EXPECT_EQ(nearest(std::string(1000, 'x'), keys), std::nullopt);
  EXPECT_EQ(nearest("pots", Texts{"host", "posts", "pots"}), "pots");
}

TEST(HumanSize, ReadsLikeAPerson) {
  EXPECT_EQ(human_size(0), "0 bytes");
  EXPECT_EQ(human_size(1), "1 byte");
  EXPECT_EQ(human_size(1023), "1023 bytes");
  EXPECT_EQ(human_size(1024), "1 KB");
  EXPECT_EQ(human_size(319'488), "312 KB");
  EXPECT_EQ(human_size(1'468'006), "1.4 MB");
  EXPECT_EQ(human_size(1024ull * 1024 - 1), "1.0 MB");
  EXPECT_EQ(human_size(UINT64_MAX), "16 EB");
}

TEST(Text, FoldsCaseInAnyScript) {
  EXPECT_EQ(fold_case("Straße ÉCOLE"), fold_case("STRASSE école"));
  EXPECT_EQ(fold_case("ΣΊΣΥΦΟΣ"), fold_case("σίσυφος"));
  EXPECT_EQ(fold_case("Cafe\u0301"), fold_case("CAFÉ"));
  EXPECT_EQ(fold_case("plain ASCII"), "plain ascii");
  EXPECT_TRUE(is_valid_utf8(fold_case("broken \xff é")));
}

}  // namespace
}  // namespace skep
