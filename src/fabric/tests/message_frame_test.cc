#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/base/json.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

Message full_message() {
  Message m;
  m.id = MessageId("01JD0000000000000000000000");
  m.trace = "trace-1";
  m.src = NodeId{Uuid::random()};
  m.src_name = *Name::parse("IO.xmpp@lab");
  m.dst = *Name::parse("AI.support@lab");
  m.ttl = 3;
  m.kind = Kind::kReply;
  m.action = "do";
  m.in_reply_to = MessageId("01JC");
  m.sent_at = WallTime(Millis(1'772'438'400'123));
  m.from = Ilk{Uuid::random()};
  m.conversation = {"xmpp", "ann@x.org", "th|=-%"};
  m.reply_address = {"bot@x.org/a", "ann@x.org/\"b\\"};
  m.foreign_id = "f\n1";
  m.wants_progress = true;
  m.parts = {TextPart{"hé\n"}, ImagePart{"image/png", std::string("\x00\xff\x89PNG", 6)},
             FilePart{"r.pdf", "application/pdf", 120'000, "https://x.org/r.pdf"},
             ToolCall{"c1", "calc", *parse_json(R"({"expr":"2+2"})"), ""},
             ToolResult{"c1", "calc", "4", true}};
  m.progress = Progress{Progress::Phase::kToolEnd, "calc"};
  m.meta = parse_json(R"({"x":[1,{"y":null}],"ack":true,"ich":"ich:1","scope":"vpn","msg":"M",
                          "target":"hint","thread_seq":4,"priority":"high","später":"é"})")
               ->get_object();
  return m;
}

Stamp stamp_of(const Message& m) {
  return {.src_name = m.src_name ? std::string_view(m.src_name->str()) : std::string_view(),
          .ttl = m.ttl};
}

Result<Message> through_the_wire(const Message& m) {
  std::string out;
  SKEP_TRY_VOID(append_frame(out, m, stamp_of(m)));
  FrameReader reader;
  std::span<char> space = reader.space(out.size());
  std::copy(out.begin(), out.end(), space.begin());
  reader.filled(out.size());
  SKEP_TRY(std::string_view json, reader.next());
  SKEP_TRY(EnvelopeView view, read_envelope(json));
  return message_from_envelope(view);
}

void expect_same(const Message& m) {
  Result<Message> again = through_the_wire(m);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, m);
}

TEST(MessageFrame, RoundTripsEveryField) { expect_same(full_message()); }

TEST(MessageFrame, RoundTripsEveryDestination) {
  for (const Destination& dst :
       {Destination(Unresolved{}), Destination(NodeId{Uuid::random()}), Destination(Broadcast{}),
        Destination(Broadcast{"AI.*"}), Destination(*Name::parse("SY.a@h"))}) {
    Message m = full_message();
    m.meta.erase("target");
    m.dst = dst;
    expect_same(m);
  }
}

TEST(MessageFrame, RoundTripsEveryKindAndPayload) {
  for (Kind kind : {Kind::kUser, Kind::kReply, Kind::kProgress, Kind::kSystem, Kind::kControl}) {
    for (std::string payload :
         {"", R"({"n" : 1.50,"t":"text"})", "null_", "7", "{}", "[\"text\"]"}) {
      Message m = full_message();
      m.kind = kind;
      m.meta.erase("msg");
      m.parts.clear();
      m.payload = payload == "null_" ? "" : payload;
      expect_same(m);
    }
  }
  for (const char* type : {"admin", "command", "query_response"}) {
    Message m = full_message();
    m.kind = Kind::kControl;
    m.meta["type"] = type;
    expect_same(m);
  }
}

TEST(MessageFrame, RoundTripsEveryPhaseOfProgress) {
  using Phase = Progress::Phase;
  for (Phase phase : {Phase::kStarted, Phase::kText, Phase::kToolStart, Phase::kToolEnd,
                      Phase::kPaused, Phase::kReset, Phase::kAsks}) {
    Message m = full_message();
    m.kind = Kind::kProgress;
    m.progress = Progress{phase, "x"};
    expect_same(m);
  }
}

TEST(MessageFrame, RoundTripsLittle) {
  Message m;
  m.trace = "t";
  expect_same(m);
  m.parts = {TextPart{""}};
  expect_same(m);
  m.parts = {TextPart{"a"}, TextPart{"b"}};
  expect_same(m);
}

TEST(MessageFrame, AnEmptyTraceIsTheId) {
  Message m;
  m.id = MessageId("01J");
  EXPECT_EQ(through_the_wire(m)->trace, "01J");
  m.id = {};
  EXPECT_EQ(through_the_wire(m).error().code, Code::kInvalid);
}

TEST(MessageFrame, OneTextIsAPlainTextPayload) {
  Message m;
  m.trace = "t";
  m.parts = {TextPart{"hi"}};
  std::string out;
  ASSERT_TRUE(append_frame(out, m, {.vpn = 7, .ttl = 2, .dst = "AI.z@h"}).has_value());
  Result<EnvelopeView> view = read_envelope(std::string_view(out).substr(kFrameHeaderBytes));
  EXPECT_EQ(view->payload, R"({"type":"text","content":"hi","attachments":[]})");
  EXPECT_EQ(view->dst_text, "AI.z@h");
  EXPECT_EQ(view->vpn, 7u);
  EXPECT_EQ(view->ttl, 2);
}

TEST(MessageFrame, RefusesWhatCannotBeWrittenAndLeavesTheBufferAlone) {
  auto refusal = [](auto change) {
    Message m;
    m.trace = "t";
    change(m);
    std::string out = "kept";
    Result<void> done = append_frame(out, m, {.ttl = 1});
    EXPECT_EQ(out, "kept");
    return done ? Code{} : done.error().code;
  };
  EXPECT_EQ(refusal([](Message& m) { m.payload = "{"; }), Code::kInvalid);
  EXPECT_EQ(refusal([](Message& m) { m.payload = "{}}"; }), Code::kInvalid);
  EXPECT_EQ(refusal([](Message& m) { m.parts = {TextPart{"\xff"}}; }), Code::kInvalid);
  EXPECT_EQ(refusal([](Message& m) { m.trace = std::string(65, 't'); }), Code::kInvalid);
  EXPECT_EQ(refusal([](Message& m) { m.parts = {TextPart{std::string(kFrameBytesMax, 'x')}}; }),
            Code::kTooLarge);
  EXPECT_EQ(refusal([](Message& m) {
              m.kind = Kind::kControl;
              m.meta["type"] = "system";
            }),
            Code::kInvalid);
}

Result<Message> read(std::string_view meta, std::string_view payload = "{}",
                     std::string_view dst = "null") {
  const std::string json =
      fmt::format(R"({{"routing":{{"src":"6f1c0000-0000-4000-8000-00000000000a","dst":{},"ttl":1,)"
                  R"("trace_id":"t","src_l2_name":"no name"}},"meta":{},"payload":{}}})",
                  dst, meta, payload);
  SKEP_TRY(EnvelopeView view, read_envelope(json));
  return message_from_envelope(view);
}

TEST(MessageFrame, ForeignWaysAreUnderstood) {
  EXPECT_EQ(read(R"({"type":"user"})", "{}", "\"AI.a@*\"")->dst, Destination(Unresolved{}));
  EXPECT_EQ(read(R"({"type":"user"})")->src_name, std::nullopt);
  EXPECT_EQ(read(R"({"type":"user","src_ilk":"ilk:short","sent_at":null})")->meta.at("src_ilk"),
            "ilk:short");
  EXPECT_EQ(read(R"({"type":"user","thread_id":"own","conversation":{"peer":"a"}})")
                ->meta.at("thread_id"),
            "own");
  Message m = *read(R"({"type":"user"})",
                    R"({"attachments":[{"type":"blob_ref","blob_name":"a_0123456789abcdef.pdf",)"
                    R"("size":3,"mime":"application/pdf","filename_original":"a.pdf"}],)"
                    R"("type":"text","content":"see"})");
  EXPECT_EQ(m.parts, (std::vector<Part>{TextPart{"see"}, FilePart{"a.pdf", "application/pdf", 3,
                                                                  "blob:a_0123456789abcdef.pdf"}}));
  const std::string referred = R"({"type":"text","content_ref":{"blob_name":"x"}})";
  EXPECT_EQ(read(R"({"type":"user"})", referred)->payload, referred);
}

TEST(MessageFrame, WrongFieldsAreInvalid) {
  for (const char* member :
       {R"("sent_at":"now")", R"("sent_at":1)", R"("conversation":[])",
        R"("conversation":{"peer":1})", R"("reply_address":1)", R"("foreign_id":1)",
        R"("wants_progress":1)", R"("progress":{"phase":"dance"})", R"("progress":1)",
        R"("in_reply_to":{})", R"("action":1)"})
    EXPECT_EQ(read(fmt::format(R"({{"type":"user",{}}})", member)).error().code, Code::kInvalid)
        << member;
  for (const char* payload :
       {R"({"type":"text"})", R"({"type":"text","content":1})", R"({"type":"text","parts":[1]})",
        R"({"type":"text","content":"a","content_ref":{}})"})
    EXPECT_EQ(read(R"({"type":"user"})", payload).error().code, Code::kInvalid) << payload;
}

TEST(ThreadId, TellsConversationsApart) {
  EXPECT_EQ(thread_id_of({"xmpp", "ann@x.org", ""}), thread_id_of({"XMPP", "ann@x.org", ""}));
  EXPECT_TRUE(thread_id_of({"xmpp", "a", ""}).starts_with("thread:sha256:"));
  EXPECT_EQ(thread_id_of({"xmpp", "a", ""}).size(), 14u + 64u);
  EXPECT_NE(thread_id_of({"x", "a|thread=b", ""}), thread_id_of({"x", "a", "b|thread=-"}));
  EXPECT_NE(thread_id_of({"x", "a", ""}), thread_id_of({"x", "a", "-"}));
  EXPECT_NE(thread_id_of({"x", "a%7C", ""}), thread_id_of({"x", "a|", ""}));
}

}  // namespace
}  // namespace skep::fabric
