#include "stream_management.h"

#include <gtest/gtest.h>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {
namespace {

StreamManagement managed() { return StreamManagement({.id = "s1", .location = {}}); }

// How many of the server's stanzas were newly covered; -1: it lied.
int covers(StreamManagement& sm, std::uint32_t h) {
  const auto done = sm.acknowledged(h);
  if (!done) return -1;
  for (const auto& call : *done) call({});
  return static_cast<int>(done->size());
}

TEST(StreamManagement, AnAcknowledgementEndsWhatItCovers) {
  StreamManagement sm = managed();
  std::string ended;
  for (const char* name : {"a", "b", "c"}) {
    sm.sent(fmt::format("<{}/>", name), [&ended, name](const Result<void>&) { ended += name; });
  }
  EXPECT_EQ(sm.again(), "<a/><b/><c/>");
  EXPECT_EQ(covers(sm, 2), 2);
  EXPECT_EQ(ended, "ab");
  EXPECT_EQ(sm.again(), "<c/>");
  EXPECT_EQ(sm.unacked_bytes(), 4u);
  EXPECT_EQ(covers(sm, 2), 0);
  EXPECT_EQ(covers(sm, 3), 1);
  EXPECT_EQ(sm.unacked(), 0u);
}

TEST(StreamManagement, ACountOfWhatWasNeverSentIsALie) {
  StreamManagement sm = managed();
  sm.sent("<a/>", {});
  EXPECT_EQ(covers(sm, 2), -1);
  EXPECT_EQ(sm.unacked(), 1u) << "nothing changes";
  EXPECT_EQ(covers(sm, 1), 0);
  EXPECT_EQ(covers(sm, 0), -1) << "and nothing is taken back";
}

TEST(StreamManagement, CountsGoOverTheEdgeOfThirtyTwoBits) {
  StreamManagement sm = managed();
  // Walk the count near the edge: the queue is bounded, the count is not.
  constexpr std::uint32_t kNear = 0xFFFFFFFEu;
  // A jump of the count without stanzas is a lie, so the edge is reached by sending.
  EXPECT_EQ(covers(sm, kNear), -1);
  StreamManagement late({.id = "s1", .location = {}}, kNear);
  for (int i = 0; i < 4; ++i) late.sent("<a/>", {});
  EXPECT_EQ(late.sent_count(), 2u);
  EXPECT_EQ(covers(late, 0xFFFFFFFFu), 0);
  EXPECT_EQ(late.unacked(), 3u);
  EXPECT_EQ(covers(late, 1), 0);
  EXPECT_EQ(late.unacked(), 1u);
  EXPECT_EQ(covers(late, 3), -1);
}

TEST(StreamManagement, HandledIsWhatHasNoGapBeforeIt) {
  StreamManagement sm = managed();
  auto first = sm.received();
  auto second = sm.received();
  auto third = sm.received();
  EXPECT_EQ(sm.handled(), 0u);
  second.reset();
  EXPECT_EQ(sm.handled(), 0u) << "the first one may still be lost";
  first.reset();
  EXPECT_EQ(sm.handled(), 2u);
  third.reset();
  EXPECT_EQ(sm.handled(), 3u);
}

TEST(StreamManagement, AnAnswerThatWasShortIsCompletedUnasked) {
  StreamManagement sm = managed();
  int grown = 0;
  sm.on_handled([&] { ++grown; });
  auto first = sm.received();
  EXPECT_EQ(sm.tell(), 0u);
  EXPECT_FALSE(sm.should_tell());
  first.reset();
  EXPECT_EQ(grown, 1);
  EXPECT_TRUE(sm.should_tell());
  EXPECT_EQ(sm.tell(), 1u);
  EXPECT_FALSE(sm.should_tell());
  for (std::uint64_t i = 0; i < StreamManagement::kAckEvery; ++i) (void)sm.received();
  EXPECT_TRUE(sm.should_tell()) << "much was handled and the server does not know";
}

TEST(StreamManagement, WhatComesAgainWhileItIsHandledIsDropped) {
  StreamManagement sm = managed();
  auto first = sm.received();
  auto second = sm.received();
  sm.resumed();
  EXPECT_FALSE(sm.received());
  EXPECT_FALSE(sm.received());
  auto third = sm.received();
  EXPECT_TRUE(third);
  first.reset();
  second.reset();
  third.reset();
  EXPECT_EQ(sm.handled(), 3u);
}

TEST(StreamManagement, AHoldMayOutliveTheStream) {
  std::optional<StreamManagement> sm(managed());
  auto hold = sm->received();
  sm.reset();
  hold.reset();
}

TEST(StreamManagement, ReadsOnlyNumbersOfThirtyTwoBits) {
  const auto h = [](const char* text) {
    return parse_h(Element("a", std::string(kNsSm)).set("h", text)).value_or(77);
  };
  EXPECT_EQ(h("0"), 0u);
  EXPECT_EQ(h("4294967295"), 4294967295u);
  for (const char* bad : {"", "-1", "4294967296", "1x", " 1", "0x1"}) EXPECT_EQ(h(bad), 77u) << bad;
}

}  // namespace
}  // namespace skep::xmpp
