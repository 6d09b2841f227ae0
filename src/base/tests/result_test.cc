#include "skep/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace skep {
namespace {

constexpr int kCodes = 14;

TEST(ErrorCodes, EachHasItsOwnNameAndAFailureStatus) {
  std::set<std::string_view> names;
  for (int number = 1; number <= kCodes; ++number) {
    auto code = static_cast<Code>(number);
    names.insert(code_name(code));
    EXPECT_GE(http_status(code), 400);
    EXPECT_NE(exit_code(code), 0);
    EXPECT_FALSE(xmpp_condition(code).empty());
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kCodes));
}

TEST(ErrorCodes, MapToTheOutsideWorld) {
  EXPECT_EQ(http_status(Code::kTooLarge), 413);
  EXPECT_EQ(exit_code(Code::kUnauthenticated), 77);
  EXPECT_EQ(xmpp_condition(Code::kTimeout), "remote-server-timeout");
  EXPECT_EQ(code_name(Code::kTooLarge), "too-large");
}

TEST(Errors, SayWhereTheyWereSeen) {
  Error error{Code::kUnavailable, "connection lost"};
  EXPECT_EQ(error.in("reading roster").to_string(), "unavailable: reading roster: connection lost");
  EXPECT_EQ(error.message, "connection lost");
  EXPECT_EQ(std::move(error).in("a").in("b").message, "b: a: connection lost");
}

TEST(Errors, FromErrno) {
  Error full = errno_error("opening /x", ENOSPC);
  EXPECT_EQ(full, (Error{Code::kExhausted, "opening /x: No space left on device"}));
  EXPECT_EQ(errno_error("x", ENOENT).code, Code::kNotFound);
  EXPECT_EQ(errno_error("x", ECONNREFUSED).code, Code::kUnavailable);
}

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::kInvalid, "odd");
  return n / 2;
}
Result<std::pair<int, std::unique_ptr<int>>> split(int n) {
  SKEP_TRY(int h, half(n));
  return std::pair(h, std::make_unique<int>(h));
}
Result<void> refuse(bool refused) {
  if (refused) return fail(Code::kDenied, "no");
  return {};
}

Result<int> several(int n, bool refused) {
  SKEP_TRY(auto first, half(n));
  SKEP_TRY(auto second, half(first));
  SKEP_TRY_VOID(refuse(refused));
  int third = 0;
  SKEP_TRY(third, half(second));
  SKEP_TRY((auto [h, owned]), split(third));
  return h + *owned;
}

TEST(Try, PassesValuesOnAndFirstErrorUp) {
  EXPECT_EQ(several(16, false), 2);
  EXPECT_EQ(several(6, false).error(), (Error{Code::kInvalid, "odd"}));
  EXPECT_EQ(several(16, true).error(), (Error{Code::kDenied, "no"}));
}

}  // namespace
}  // namespace skep
