// A hive of two routers, of which one is the gateway: nodes of the other one are as near as any.
#include "hive_support.h"
#include "skep/fabric/peering.h"

namespace skep::fabric {
namespace {

class PeerAndHive : public HivesTest {
 protected:
  PeerAndHive() {
    std::tie(a_, b_) = two();
    directory_ =
        std::filesystem::temp_directory_path() / ("skep-peers-" + hex_encode(random_bytes(6)));
    std::filesystem::create_directories(directory_);
    second_ = *Router::open({.hive = "b", .name = "RT.second"});
    first_peers_ = *Peering::open(loop_, *b_->router, {.directory = directory_, .gateway = true});
    second_peers_ = *Peering::open(loop_, *second_, {.directory = directory_});
    EXPECT_TRUE(until(
        [&] { return first_peers_->peers().size() == 1 && second_peers_->peers().size() == 1; }));
  }
  ~PeerAndHive() override {
    loop_.run(first_peers_->close(Ctx{}));
    loop_.run(second_peers_->close(Ctx{}));
    first_peers_.reset();
    second_peers_.reset();
    std::filesystem::remove_all(directory_);
  }
  Port attach(const std::string& name, Inbox& inbox) {
    return *second_->attach(*Name::parse(name, "b"), NodeId{Uuid::random()}, inbox);
  }
  std::filesystem::path directory_;
  Hive *a_, *b_;
  std::unique_ptr<Router> second_;  // of hive b
  std::unique_ptr<Peering> first_peers_, second_peers_;
};

TEST_F(PeerAndHive, NodesBehindTheGatewayAreReachedAndAnswer) {
  Attached& ann = a_->node("IO.ann");
  Heard deep;
  Port deep_port = attach("AI.deep", deep);
  ASSERT_TRUE(until([&] { return a_->sees("b") == 1; }))
      << "the gateway advertises its peers' nodes";
  ASSERT_TRUE(ann.port.send(say("down there?", *Name::parse("AI.deep@b"))));
  ASSERT_TRUE(until([&] { return deep.messages.size() == 1; }));
  EXPECT_EQ(deep.last()->src_name->str(), "IO.ann@a");
  ASSERT_TRUE(deep_port.send(say("up here", deep.last()->src)));
  ASSERT_TRUE(until([&] { return ann.inbox.messages.size() == 1; }));
  EXPECT_EQ(ann.inbox.last()->src_name->str(), "AI.deep@b");
  ASSERT_TRUE(deep_port.send(say("by name", *Name::parse("IO.ann@a"))));
  EXPECT_TRUE(until([&] { return ann.inbox.messages.size() == 2; }));
}

TEST_F(PeerAndHive, ErrorsComeBackToTheSenderInTheOtherHive) {
  Attached& ann = a_->node("IO.ann");
  struct Refuses : Inbox {
    Result<void> deliver(Message) override { return fail(Code::kDenied, "not today"); }
  } refuses;
  Port shy = attach("AI.shy", refuses);
  ASSERT_TRUE(until([&] { return a_->sees("b") == 1; }));
  ASSERT_TRUE(ann.port.send(say("hello?", *Name::parse("AI.shy@b"))));
  ASSERT_TRUE(until([&] { return ann.inbox.messages.size() == 1; }));
  EXPECT_EQ(ann.inbox.last()->action, "UNREACHABLE");
}

}  // namespace
}  // namespace skep::fabric
