#include "skep/model/message.h"

#include <gtest/gtest.h>

#include "skep/model/errand.h"
#include "skep/model/room_talk.h"

namespace skep {
namespace {

json::value parsed(std::string_view text) { return *parse_json(text); }

Message full_message() {
  Message m;
  m.id = MessageId("01JD");
  m.trace = "t1";
  m.dst = *Name::parse("AI.support@lab");
  m.ttl = 3;
  m.kind = Kind::kReply;
  m.action = "UNREACHABLE";
  m.in_reply_to = MessageId("01JC");
  m.sent_at = WallTime(Millis(1'772'438'400'123));
  m.from = Ilk{Uuid::random()};
  m.conversation = {"xmpp", "ann@x.org", "th"};
  m.reply_address = {"bot@x.org/a", "ann@x.org/b"};
  m.foreign_id = "f1";
  m.wants_progress = true;
  m.parts = {TextPart{"hé\n"},
             ImagePart{"image/png", std::string("\x00\xff\x89PNG", 6)},
             FilePart{"r.pdf", "application/pdf", 120'000, "https://x.org/r.pdf"},
             ToolCall{"c1", "calc", parsed(R"({"expr":"2+2"})"), ""},
             ToolCall{"c2", "calc", parsed("{}"), "bad JSON"},
             ToolResult{"c1", "calc", "4", true},
             OpaquePart{"anthropic", parsed(R"({"type":"thinking","signature":"s"})")}};
  m.payload = R"({"n":1.50})";
  m.meta = parsed(R"({"x":[1,{"y":null}]})").get_object();
  return m;
}

TEST(MessageJson, RoundTripsEveryField) {
  Message m = full_message();
  auto again = message_from_json(parsed(to_json(to_json_value(m))));
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, m);
}

TEST(MessageJson, TextIsWhatTheTreeWouldGive) {
  auto text = [](const Message& m) {
    std::string out = "before ";
    append_json(out, m);
    return out;
  };
  Message m = full_message();
  EXPECT_EQ(text(m), "before " + to_json(to_json_value(m)));
  EXPECT_EQ(text(Message()), "before " + to_json(to_json_value(Message())));
  for (const Destination& dst :
       {Destination(NodeId{Uuid::random()}), Destination(Broadcast{"AI.*"})}) {
    m.dst = dst;
    m.parts = {TextPart{"one"}, TextPart{"\"two\"\t\\"}};
    EXPECT_EQ(text(m), "before " + to_json(to_json_value(m)));
  }
}

TEST(MessageJson, RoundTripsEveryDestinationAndKind) {
  for (const Destination& dst :
       {Destination(Unresolved{}), Destination(NodeId{Uuid::random()}), Destination(Broadcast{}),
        Destination(Broadcast{"AI.*"}), Destination(*Name::parse("SY.a@h"))}) {
    Message m;
    m.dst = dst;
    EXPECT_EQ(message_from_json(to_json_value(m)), m);
  }
  for (Kind kind : {Kind::kUser, Kind::kReply, Kind::kProgress, Kind::kSystem, Kind::kControl}) {
    Message m;
    m.kind = kind;
    EXPECT_EQ(message_from_json(to_json_value(m))->kind, kind);
  }
}

TEST(MessageJson, LeavesStampedFieldsAndProgressOut) {
  Message m = full_message();
  m.src = NodeId{Uuid::random()};
  m.src_name = Name::parse("IO.xmpp@lab").value();
  m.progress = Progress{Progress::Phase::kText, "x"};
  EXPECT_EQ(to_json_value(m), to_json_value(*message_from_json(to_json_value(m))));
  EXPECT_EQ(message_from_json(to_json_value(m))->src, NodeId{});
  EXPECT_EQ(message_from_json(to_json_value(m))->src_name, std::nullopt);
  EXPECT_EQ(message_from_json(to_json_value(m))->progress, std::nullopt);
}

TEST(MessageJson, IgnoresUnknownKeysAndDefaultsAbsentOnes) {
  auto m = message_from_json(parsed(R"({"v":1,"kind":"user","later":{"a":1}})"));
  ASSERT_TRUE(m.has_value()) << m.error().message;
  EXPECT_EQ(*m, Message{});
}

TEST(MessageJson, WrongTypesAreCorrupt) {
  for (const char* member : {R"("id":1)",
                             R"("trace":[])",
                             R"("dst":"AI.a@h")",
                             R"("dst":{"name":"nonsense"})",
                             R"("dst":{"node":"x"})",
                             R"("dst":{"broadcast":1})",
                             R"("ttl":256)",
                             R"("ttl":-1)",
                             R"("ttl":"1")",
                             R"("kind":"nope")",
                             R"("kind":1)",
                             R"("action":null)",
                             R"("in_reply_to":{})",
                             R"("sent_at":"now")",
                             R"("sent_at":1e300)",
                             R"("sent_at":9223372036854775807)",
                             R"("from":"x")",
                             R"("from":1)",
                             R"("conversation":[])",
                             R"("conversation":{"peer":1})",
                             R"("reply_address":1)",
                             R"("foreign_id":1)",
                             R"("wants_progress":1)",
                             R"("parts":{})",
                             R"("parts":[1])",
                             R"("parts":[{"type":"nope"}])",
                             R"("parts":[{}])",
                             R"("parts":[{"type":"text","text":1}])",
                             R"("parts":[{"type":"image","data":"!"}])",
                             R"("parts":[{"type":"file","size_bytes":-1}])",
                             R"("parts":[{"type":"tool_result","is_error":"x"}])",
                             R"("meta":[])"}) {
    std::string text = std::string(R"({"v":1,"kind":"user",)") + member + "}";
    auto m = message_from_json(parsed(text));
    ASSERT_FALSE(m.has_value()) << text;
    EXPECT_EQ(m.error().code, Code::kCorrupt) << text;
    EXPECT_FALSE(m.error().message.empty());
  }
}

TEST(MessageJson, NeedsItsVersion) {
  EXPECT_EQ(message_from_json(parsed("[]")).error().code, Code::kCorrupt);
  EXPECT_EQ(message_from_json(parsed("{}")).error().code, Code::kCorrupt);
  EXPECT_EQ(message_from_json(parsed(R"({"v":"1"})")).error().code, Code::kCorrupt);
  EXPECT_EQ(message_from_json(parsed(R"({"v":2,"kind":"user"})")).error().code, Code::kUnsupported);
}

TEST(Parts, TextOfJoinsTextPartsOnly) {
  EXPECT_EQ(text_of({}), "");
  EXPECT_EQ(text_of({TextPart{"a"}, ImagePart{}, TextPart{""}, TextPart{"b"}}), "a\n\nb");
}

TEST(Usages, AddUp) {
  Usage total{1, 2, 3, 4};
  total += Usage{10, 20, 30, 40};
  EXPECT_EQ(total, (Usage{11, 22, 33, 44}));
}

TEST(RoomTalk, SurvivesTheJournal) {
  Message message;
  message.id = MessageId("m1");
  EXPECT_EQ(room_talk(message), std::nullopt);
  const RoomTalk talk{.speaker = "ann (2)",
                      .nick = "Helper",
                      .subject = "work",
                      .people = 3,
                      .listen = true,
                      .may_manage = true};
  put_room_talk(message, talk);
  const auto again = message_from_json(to_json_value(message));
  ASSERT_TRUE(again);
  EXPECT_EQ(room_talk(*again), talk);
}

TEST(Errand, TravelsWithTheMessageAndItsOutcomeWithTheReply) {
  Message message;
  EXPECT_EQ(errand_of(message), std::nullopt);
  put_errand(message, {.tokens_max = 500, .owner = "bob@b.example"});
  EXPECT_EQ(errand_of(message), (Errand{.tokens_max = 500, .owner = "bob@b.example"}));
  const Outcome outcome{.failed = true, .usage = {.input = 1, .output = 2, .cache_read = 3}};
  put_outcome(message, outcome);
  EXPECT_EQ(outcome_of(message), outcome);
  message.meta["outcome"] = json::object{{"input", -5}};
  EXPECT_EQ(outcome_of(message), Outcome());
}

TEST(RoomTalk, KnowsTheSendersOfARoomsTranscript) {
  EXPECT_EQ(room_sender("ann"), "ann@muc");
  EXPECT_EQ(speaker_of("ann@muc"), "ann");
  EXPECT_EQ(speaker_of("ann@example.org"), std::nullopt);
}

}  // namespace
}  // namespace skep
