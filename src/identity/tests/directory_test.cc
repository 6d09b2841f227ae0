#include "skep/identity/directory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "skep/async/gate.h"

namespace skep::identity {
namespace {

class FixedClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return WallTime(Millis(1'700'000'000'123)); }
};

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() {
    std::string path = (std::filesystem::temp_directory_path() / "skep-identity-XXXXXX").string();
    home_ = ::mkdtemp(path.data());
  }
  ~DirectoryTest() override {
    directory_.reset();
    db_.reset();
    std::filesystem::remove_all(home_);
  }
  void open() {
    directory_.reset();
    db_.reset();
    store::DbConfig config{.path = home_ + "/state.db"};
    auto db = loop_.run(store::Db::open(loop_, std::move(config), Directory::migrations()));
    ASSERT_TRUE(db) << db.error().to_string();
    db_ = *std::move(db);
    auto directory = loop_.run(Directory::open(Ctx{}, *db_, clock_));
    ASSERT_TRUE(directory) << directory.error().to_string();
    directory_ = *std::move(directory);
  }
  Result<Ilk> resolve(std::string channel, std::string address) {
    return loop_.run(directory_->resolve(Ctx{}, std::move(channel), std::move(address)));
  }

  std::string home_;
  FixedClock clock_;
  Loop loop_;
  std::unique_ptr<store::Db> db_;
  std::unique_ptr<Directory> directory_;
};

TEST_F(DirectoryTest, AnAddressKeepsItsIlkAcrossRestarts) {
  open();
  EXPECT_EQ(directory_->size(), 0u);
  EXPECT_EQ(directory_->find("xmpp", "ann@example.org"), std::nullopt);
  const auto ann = resolve("xmpp", "ann@example.org");
  ASSERT_TRUE(ann);
  EXPECT_EQ(resolve("xmpp", "ann@example.org"), ann);
  open();
  EXPECT_EQ(directory_->size(), 1u);
  EXPECT_EQ(directory_->find("xmpp", "ann@example.org"), *ann);
  EXPECT_EQ(resolve("xmpp", "ann@example.org"), ann);
  const Party expected{*ann, "xmpp", "ann@example.org", clock_.now()};
  EXPECT_EQ(directory_->party(*ann), expected);
}

TEST_F(DirectoryTest, ChannelAndAddressBothTellPartiesApart) {
  open();
  std::set<Ilk> ilks;
  for (const char* channel : {"xmpp", "cli"}) {
    for (const char* address : {"ann@example.org", "Ann@example.org", "bob@example.org"}) {
      const auto ilk = resolve(channel, address);
      ASSERT_TRUE(ilk);
      EXPECT_FALSE(ilk->is_nil());
      ilks.insert(*ilk);
    }
  }
  EXPECT_EQ(ilks.size(), 6u);
  EXPECT_EQ(directory_->party(Ilk{}), std::nullopt);
}

TEST_F(DirectoryTest, ConcurrentFirstSightsGiveTheSameIlk) {
  open();
  std::set<Ilk> ilks;
  auto see = [](Directory& d, std::set<Ilk>& out) -> Task<void> {
    const auto ilk = co_await d.resolve(Ctx{}, "xmpp", "ann@example.org");
    if (ilk) out.insert(*ilk);
  };
  auto play = [](Loop& loop, Directory& d, std::set<Ilk>& out, auto see_one) -> Task<void> {
    Gate gate(loop);
    for (int i = 0; i < 20; ++i) gate.spawn("see", see_one(d, out));
    co_await gate.drain(Ctx{});
  };
  loop_.run(play(loop_, *directory_, ilks, see));
  EXPECT_EQ(ilks.size(), 1u);
  EXPECT_EQ(directory_->size(), 1u);
}

TEST_F(DirectoryTest, RefusesWhatIsNoAddress) {
  open();
  EXPECT_EQ(resolve("", "ann@example.org").error().code, Code::kInvalid);
  EXPECT_EQ(resolve("xmpp", "").error().code, Code::kInvalid);
  EXPECT_EQ(resolve("xmpp", std::string(4000, 'a')).error().code, Code::kTooLarge);
  EXPECT_EQ(resolve(std::string(65, 'c'), "ann@example.org").error().code, Code::kTooLarge);
  EXPECT_EQ(directory_->size(), 0u);
}

TEST_F(DirectoryTest, ReadsMoreThanOnePage) {
  open();
  const std::function<Result<int>(store::Connection&)> fill =
      [](store::Connection& c) -> Result<int> {
    for (int i = 0; i < 20'500; ++i) {
      SKEP_TRY_VOID(
          c.execute("INSERT INTO identity_party (ilk, channel, address, first_seen_ms) "
                    "VALUES (?1, 'xmpp', ?2, 0)",
                    {Ilk{Uuid::random()}.str(), fmt::format("u{}@example.org", i)}));
    }
    return 0;
  };
  ASSERT_TRUE(loop_.run(db_->transact<int>(Ctx{}, fill)));
  open();
  EXPECT_EQ(directory_->size(), 20'500u);
  EXPECT_NE(directory_->find("xmpp", "u20499@example.org"), std::nullopt);
}

TEST_F(DirectoryTest, ReportsADamagedRow) {
  open();
  ASSERT_TRUE(
      loop_.run(db_->execute(Ctx{},
                             "INSERT INTO identity_party (ilk, channel, address, first_seen_ms) "
                             "VALUES ('nonsense', 'xmpp', 'a@b', 0)")));
  const auto again = loop_.run(Directory::open(Ctx{}, *db_, clock_));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace skep::identity
