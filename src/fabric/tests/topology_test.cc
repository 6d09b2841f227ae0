#include "topology.h"

#include <gtest/gtest.h>

namespace skep::fabric {
namespace {

using What = Topology::Change::What;

LsaNode node(int number, const std::string& name = {}, std::uint32_t zone = 0) {
  NodeId id;
  for (std::size_t i = 0; i < 4; ++i)
    id.uuid.bytes.at(i) = static_cast<std::uint8_t>(number >> (8 * i));
  return {id, name.empty() ? fmt::format("AI.n{}@a", number) : name, zone};
}

std::uint64_t rejected(const LsaRejects& rejects, LsaReject why) {
  return rejects.at(static_cast<std::size_t>(why));
}

// Hive "a" and what hive "b" knows of it.
class TwoSides : public ::testing::Test {
 protected:
  TwoSides() {
    own_.begin(1'000);
    own_.set_path({"a"});
    own_.set_own({}, {});
  }
  What send(const std::vector<Lsa>& lsas) {
    What last = What::kNone;
    for (const Lsa& lsa : lsas) last = far_.apply(*read_lsa(write_lsa(lsa)), rejects_).what;
    return last;
  }
  What send_full() { return send(cut_lsa(own_.full())); }
  void expect_same() {
    EXPECT_EQ(far_.nodes(), own_.nodes());
    EXPECT_EQ(send({own_.digest()}), What::kNone);
  }
  Topology own_{"a"}, far_{"a", "b"};
  LsaRejects rejects_{};
};

TEST_F(TwoSides, AgreeAfterAFullOneAndDeltas) {
  own_.set_own({node(1), node(2)}, {});
  EXPECT_EQ(send_full(), What::kFull);
  expect_same();
  EXPECT_EQ(send(own_.set_own({node(3)}, {node(1).id})), What::kDelta);
  expect_same();
  EXPECT_EQ(send(own_.set_own({node(3, "AI.n3@a", 7)}, {})), What::kDelta) << "a zone changed";
  expect_same();
  EXPECT_EQ(far_.find(node(3).id)->zone, 7u);
}

TEST_F(TwoSides, AskForAFullOneWhenADeltaIsMissing) {
  send_full();
  const auto lost = own_.set_own({node(1)}, {});
  EXPECT_EQ(send(own_.set_own({node(2)}, {})), What::kAskFull);
  EXPECT_EQ(send({own_.digest()}), What::kAskFull);
  EXPECT_EQ(send_full(), What::kFull);
  expect_same();
  EXPECT_EQ(send(lost), What::kNone);
  EXPECT_EQ(rejected(rejects_, LsaReject::kStale), 1u);
}

TEST_F(TwoSides, AgreeAfterThousandsOfNodesInParts) {
  std::vector<LsaNode> many;
  for (int i = 0; i < 5'000; ++i) many.push_back(node(i));
  own_.set_own(std::move(many), {});
  EXPECT_EQ(send_full(), What::kFull);
  expect_same();
}

TEST_F(TwoSides, AskAgainWhenAPartIsMissing) {
  std::vector<LsaNode> many;
  for (int i = 0; i < 2'000; ++i) many.push_back(node(i));
  own_.set_own(std::move(many), {});
  auto parts = cut_lsa(own_.full());
  ASSERT_GT(parts.size(), 2u);
  parts.erase(parts.begin() + 1);
  EXPECT_EQ(send(parts), What::kAskFull);
  EXPECT_TRUE(far_.nodes().empty()) << "half a picture is none";
}

TEST_F(TwoSides, TakeARestartOfTheOtherSideAtOnce) {
  own_.set_own({node(1)}, {});
  own_.set_own({node(2)}, {});
  send_full();
  Topology again("a");
  again.begin(500);  // even with a clock that went back
  again.set_path({"a"});
  again.set_own({node(9)}, {});
  EXPECT_EQ(send({again.digest()}), What::kAskFull);
  EXPECT_EQ(send(cut_lsa(again.full())), What::kFull);
  EXPECT_EQ(far_.nodes(), again.nodes());
}

TEST_F(TwoSides, LeaveOutForeignNamesAndKeepTheRest) {
  own_.set_own({node(1), node(2, "AI.x@b"), node(3, "AI.x@c"), node(4, "no name")}, {});
  EXPECT_EQ(send_full(), What::kFull);
  EXPECT_EQ(far_.nodes().size(), 1u);
  EXPECT_EQ(far_.left_out(), 3u);
  EXPECT_EQ(rejected(rejects_, LsaReject::kForeignName), 3u);
  EXPECT_EQ(send({own_.digest()}), What::kNone) << "and do not ask for them again and again";
}

TEST_F(TwoSides, LeaveOutWhatIsOverTheLimitAndKeepTheRest) {
  Lsa full = own_.full();
  for (int i = 0; i < static_cast<int>(kHiveNodesMax) + 5; ++i) full.up.push_back(node(i));
  EXPECT_EQ(send(cut_lsa(full)), What::kFull);
  EXPECT_EQ(far_.nodes().size(), kHiveNodesMax);
  EXPECT_EQ(far_.left_out(), 5u);
  EXPECT_EQ(rejected(rejects_, LsaReject::kOverLimit), 5u);
  Lsa delta{.kind = Lsa::Kind::kDelta,
            .hive = "a",
            .epoch = full.epoch,
            .seq = full.seq + 1,
            .path = {"a"}};
  delta.down = {node(0).id};
  delta.up = {node(100'000)};
  EXPECT_EQ(send({delta}), What::kDelta) << "the session goes on";
  EXPECT_NE(far_.find(node(100'000).id), nullptr);
}

TEST_F(TwoSides, RefuseDropRoutesAndRoutesForOurNames) {
  own_.set_own_routes({{{"AI.ok.*", Match::kPrefix}, 1},
                       {{"AI.*", Match::kPrefix}, 1, true},
                       {{"AI.mine@b", Match::kExact}, 1}});
  EXPECT_EQ(send_full(), What::kFull);
  EXPECT_EQ(far_.routes(), (std::vector<LsaRoute>{{{"AI.ok.*", Match::kPrefix}, 1}}));
  EXPECT_EQ(rejected(rejects_, LsaReject::kDropRoute), 1u);
  EXPECT_EQ(rejected(rejects_, LsaReject::kOwnRoute), 1u);
}

TEST(LsaPath, MustBeginAtTheHiveEndAtTheSessionAndNotHoldUs) {
  const auto check = [](std::string hive, std::vector<std::string> path) {
    const Lsa lsa{.hive = std::move(hive), .path = std::move(path)};
    return check_path(lsa, "m", "b");
  };
  EXPECT_EQ(check("m", {"m"}), LsaReject::kCount);
  EXPECT_EQ(check("a", {"a", "m"}), LsaReject::kCount);
  EXPECT_EQ(check("a", {"a"}), LsaReject::kHiveMismatch);
  EXPECT_EQ(check("a", {"m"}), LsaReject::kHiveMismatch);
  EXPECT_EQ(check("a b", {"a b", "m"}), LsaReject::kHiveMismatch);
  EXPECT_EQ(check("b", {"b", "m"}), LsaReject::kOwnHive);
  EXPECT_EQ(check("a", {"a", "b", "m"}), LsaReject::kLoop);
  EXPECT_EQ(check("a", {"a", "x", "x", "m"}), LsaReject::kLoop);
}

}  // namespace
}  // namespace skep::fabric
