#include "skep/base/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/base/text.h"

namespace skep {
namespace {

static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<Secret, std::string> &&
              !std::is_convertible_v<Secret, std::string_view>);

TEST(Secrets, CopyMoveAndReveal) {
  Secret a("hunter2");
  Secret copy = a;
  Secret moved = std::move(a);
  EXPECT_EQ(copy.reveal(), "hunter2");
  EXPECT_EQ(moved.reveal(), "hunter2");
  copy = Secret("other");
  moved = copy;
  EXPECT_EQ(moved.reveal(), "other");
  EXPECT_TRUE(Secret().empty());
}

TEST(Secrets, MovedFromOneHoldsNothing) {
  Secret a("short");
  Secret b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): what is left behind is the point
  EXPECT_EQ(std::string_view(a.reveal().data(), 5), std::string_view("\0\0\0\0\0", 5));
}

TEST(Secrets, ConstantTimeEquality) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

TEST(Redact, MasksWhatLooksLikeAKey) {
  struct Row {
    std::string_view in, out;
  };
  for (const Row& row : {
           Row{"bad key sk-ant-api03-abcDEF123, sorry", "bad key sk-…, sorry"},
           {"key-0123456789abcdef", "key-…"},
           {"Authorization: Bearer abc.def-123", "Authorization: Bearer …"},
           {"got bearer abcdefgh12 here", "got bearer … here"},
           {R"({"api_key":"abc\"}","a":1})", R"({"api_key":"…"}","a":1})"},
           {R"({"api_key": "abc def", "model":"m"})", R"({"api_key": "…", "model":"m"})"},
           {"password=hunter2&user=ann", "password=…&user=ann"},
           {"PASSWORD = 'hunter 2' x", "PASSWORD = '…' x"},
           {"x-api-key: abc", "x-api-key: …"},
           {"https://h/p?key=abc&q=1", "https://h/p?key=…&q=1"},
           {"token 0123456789abcdef0123456789abcdef.", "token …."},
           {"AbCd0123456789abcdefghij/klmnop+qrstuvw==", "…"},
       }) {
    EXPECT_EQ(redact(row.in, 1000), row.out) << row.in;
  }
}

TEST(Redact, LeavesPlainWordsAlone) {
  for (std::string_view text :
       {"sk-learn is a library", "the key is under the mat", "basic facts", "the bearer of news",
        "max_tokens: 4096", "request f81d4fae-7dec-11d0-a765-00a0c91e6bf6 failed",
        "model claude-sonnet-4-20250514 not found", "/usr/lib/x86_64-linux-gnu/libssl.so.3 missing",
        "Donaudampfschifffahrtsgesellschaftskapitän", "", "…"}) {
    EXPECT_EQ(redact(text, 1000), text);
  }
}

TEST(Redact, CutsAfterMaskingOnACharacterBorder) {
  EXPECT_EQ(redact("ab€", 4), "ab");
  EXPECT_EQ(redact("password=0123456789 tail", 13), "password=… ");
  EXPECT_EQ(redact("abc", 0), "");
}

}  // namespace
}  // namespace skep
