#include "skep/identity/access.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "skep/base/id.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::identity {
namespace {

class SetClock final : public Clock {
 public:
  WallTime now() const override { return now_; }
  WallTime now_ = *parse_rfc3339("2026-03-02T08:00:00Z");
};

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() { open(); }
  ~AccessTest() override { std::filesystem::remove_all(home_); }
  void open() {
    auto opened = Access::open(file_, clock_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    access_ = *std::move(opened);
  }
  // nullopt: let in.
  std::optional<Code> redeem(std::string_view code, const std::string& who) {
    const auto entry = access_->redeem(code, who);
    return entry ? std::nullopt : std::optional(entry.error().code);
  }

  SetClock clock_;
  std::string home_ = (std::filesystem::temp_directory_path() / ("access-" + mint_ulid())).string();
  std::string file_ = home_ + "/access.json";
  std::unique_ptr<Access> access_;
};

using Standing = Access::Standing;

TEST_F(AccessTest, TheLastWordCountsAndOutlivesTheProcess) {
  ASSERT_TRUE(access_->allow("eve@ex", "adm@ex"));
  ASSERT_TRUE(access_->block("@bad.ex", "adm@ex"));
  ASSERT_TRUE(access_->allow("good@bad.ex", "adm@ex"));
  ASSERT_TRUE(access_->block("eve@ex", "adm@ex"));
  open();
  EXPECT_EQ(access_->of("eve@ex"), Standing::kBlocked);
  EXPECT_EQ(access_->of("mal@bad.ex"), Standing::kBlocked);
  EXPECT_EQ(access_->of("good@bad.ex"), Standing::kAllowed);
  EXPECT_EQ(access_->of("bob@ex"), Standing::kUnknown);
  ASSERT_TRUE(access_->forget("eve@ex"));
  EXPECT_EQ(access_->of("eve@ex"), Standing::kUnknown);
  EXPECT_EQ(access_->forget("eve@ex").error().code, Code::kNotFound);
}

TEST_F(AccessTest, ACodeLetsInOnceAndIsNowhereInTheFile) {
  const std::string code = access_->issue({.by = "adm@ex"}).value();
  EXPECT_EQ(code.size(), 10u);
  EXPECT_EQ(store::read_file(file_).value().find(code), std::string::npos);
  open();
  const auto entry =
      access_->redeem(to_lower_ascii(code.substr(0, 5) + "-" + code.substr(5)), "eve@ex");
  ASSERT_TRUE(entry) << entry.error().to_string();
  EXPECT_TRUE(entry->paired);
  EXPECT_EQ(entry->by, "adm@ex");
  EXPECT_EQ(redeem(code, "mal@other"), Code::kDenied);
  open();
  EXPECT_EQ(access_->of("eve@ex"), Standing::kAllowed);
  EXPECT_EQ(access_->of("mal@other"), Standing::kUnknown);
}

TEST_F(AccessTest, ACodeHasItsTimeItsUsesAndItsBearer) {
  const std::string late = access_->issue({.ttl = std::chrono::seconds(60)}).value();
  clock_.now_ += std::chrono::seconds(60);
  EXPECT_EQ(redeem(late, "a@ex"), Code::kDenied);
  const std::string two = access_->issue({.uses = 2, .bound = "@ex"}).value();
  EXPECT_EQ(redeem(two, "mal@other"), Code::kDenied);
  EXPECT_EQ(redeem(two, "a@ex"), std::nullopt);
  EXPECT_EQ(redeem(two, "b@ex"), std::nullopt);
  EXPECT_EQ(redeem(two, "c@ex"), Code::kDenied);
  EXPECT_FALSE(access_->issue({.uses = 0}));
  EXPECT_FALSE(access_->issue({.ttl = std::chrono::hours(24 * 8)}));
  const std::string taken_back = access_->issue({}).value();
  EXPECT_EQ(access_->withdraw_codes(), 1u);
  EXPECT_EQ(redeem(taken_back, "d@ex"), Code::kDenied);
}

TEST_F(AccessTest, WhoGuessesIsNotListenedToForAnHour) {
  const std::string code = access_->issue({.ttl = std::chrono::hours(4)}).value();
  for (std::size_t i = 0; i < Access::kTriesMax; ++i)
    EXPECT_EQ(redeem("X", "mal@ex"), Code::kDenied);
  EXPECT_EQ(redeem(code, "mal@ex"), Code::kExhausted);
  for (std::size_t i = Access::kTriesMax; i < Access::kTriesAllMax; ++i)
    EXPECT_EQ(redeem("X", fmt::format("m{}@ex", i)), Code::kDenied);
  EXPECT_EQ(redeem(code, "ann@ex"), Code::kExhausted) << "the lock is for everybody";
  clock_.now_ += std::chrono::hours(1);
  EXPECT_EQ(redeem(code, "mal@ex"), std::nullopt);
}

TEST_F(AccessTest, TheBlockedCannotPairAndADamagedBookIsNotAnOpenDoor) {
  ASSERT_TRUE(access_->block("eve@ex", "adm@ex"));
  EXPECT_EQ(redeem(access_->issue({}).value(), "eve@ex"), Code::kDenied);
  ASSERT_TRUE(store::write_file(file_, "{\"entries\": ["));
  EXPECT_FALSE(Access::open(file_, clock_));
}

}  // namespace
}  // namespace skep::identity
