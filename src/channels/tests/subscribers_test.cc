#include "../src/subscribers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace skep::channels {
namespace {

using xmpp::Jid;

class SubscriberFileTest : public ::testing::Test {
 protected:
  SubscriberFileTest() {
    std::string path = ::testing::TempDir() + "skep-subscribers-XXXXXX";
    home_ = ::mkdtemp(path.data());
    path_ = home_ + "/run/subscribers.json";
  }
  ~SubscriberFileTest() override { std::filesystem::remove_all(home_); }
  static Subscriber one(int number) {
    return {Jid::parse("agent.ex").value(), Jid::parse(fmt::format("p{}@ex", number)).value()};
  }
  void change(SubscriberFile& file, const Subscriber& who, const Subscription& how) {
    if (how.none()) {
      all_.erase(who);
    } else {
      all_[who] = how;
    }
    ASSERT_TRUE(file.note(who, how, all_));
  }
  [[nodiscard]] std::string text() const { return store::read_file(path_).value(); }
  [[nodiscard]] std::size_t lines() const {
    const std::string all = text();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n'));
  }

  std::string home_;
  std::string path_;
  Subscribers all_;
};

TEST_F(SubscriberFileTest, WhatWasNotedIsReadAgain) {
  SubscriberFile file(path_);
  ASSERT_TRUE(file.load().value().empty());
  change(file, one(1), {.from = true});
  change(file, one(2), {.from = true, .asked = true});
  change(file, one(2), {.to = true});
  change(file, one(3), {.from = true});
  change(file, one(3), {});
  EXPECT_EQ(SubscriberFile(path_).load().value(), all_);
}

TEST_F(SubscriberFileTest, AChangeCostsOneLineHoweverManyThereAre) {
  SubscriberFile file(path_);
  ASSERT_TRUE(file.load());
  for (int i = 0; i < 2000; ++i) change(file, one(i), {.from = true});
  const std::size_t before = text().size();
  change(file, one(7), {.from = true, .to = true});
  EXPECT_LT(text().size() - before, 100u);
}

TEST_F(SubscriberFileTest, OldLinesAreThrownAway) {
  SubscriberFile file(path_);
  ASSERT_TRUE(file.load());
  for (int i = 0; i < 5000; ++i) change(file, one(i % 3), {.from = true, .to = i % 2 == 0});
  EXPECT_LE(lines(), SubscriberFile::kOldLinesMax + 2 * all_.size() + 1);
  EXPECT_EQ(SubscriberFile(path_).load().value(), all_);
  EXPECT_EQ(lines(), all_.size()) << "and all of them by loading";
}

TEST_F(SubscriberFileTest, TakesTheListOfEarlierVersions) {
  ASSERT_TRUE(store::write_file(
      path_, R"({"version":1,"subscribers":[{"address":"agent.ex","jid":"p1@ex"},)"
             R"({"address":"agent.ex","jid":"p2@ex","to":true,"from":false}]})"));
  SubscriberFile file(path_);
  const Subscribers expected{{one(1), {.from = true}}, {one(2), {.to = true}}};
  EXPECT_EQ(file.load().value(), expected);
  all_ = expected;
  change(file, one(1), {});
  EXPECT_EQ(SubscriberFile(path_).load().value(), all_);
}

TEST_F(SubscriberFileTest, ATornLineCostsOnlyItself) {
  ASSERT_TRUE(store::write_file(path_,
                                "{\"address\":\"agent.ex\",\"jid\":\"p1@ex\"}\n"
                                "{\"address\":\"agent.ex\",\"ji"));
  SubscriberFile file(path_);
  EXPECT_EQ(file.load().value(), (Subscribers{{one(1), {.from = true}}}));
  EXPECT_EQ(file.unreadable(), 1u);
}

}  // namespace
}  // namespace skep::channels
