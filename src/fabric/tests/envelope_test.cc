#include "skep/fabric/envelope.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::fabric {
namespace {

constexpr std::string_view kSrc = "6f1c0000-0000-4000-8000-00000000000a";
constexpr std::string_view kDst = "6f1c0000-0000-4000-8000-00000000000b";

std::string routing(std::string_view dst = "\"AI.a@h\"", std::string_view ttl = "16",
                    std::string_view more = "") {
  return fmt::format(R"({{"src":"{}","dst":{},"ttl":{},"trace_id":"t1"{}}})", kSrc, dst, ttl, more);
}
std::string envelope(std::string_view routing_part, std::string_view meta = R"({"type":"user"})",
                     std::string_view payload = "{}") {
  return fmt::format(R"({{"routing":{},"meta":{},"payload":{}}})", routing_part, meta, payload);
}
std::string body(const std::string& frame) { return frame.substr(kFrameHeaderBytes); }

std::string stamped(std::string_view json, const Stamp& stamp) {
  Result<EnvelopeView> view = read_envelope(json);
  if (!view) return view.error().message;
  std::string out = "before";
  append_stamped(out, *view, stamp);
  EXPECT_EQ(out.substr(0, 6), "before");
  return body(out.substr(6));
}

TEST(Envelope, ReadsEveryField) {
  const std::string json = envelope(
      routing("\"AI.b@h\"", "255", R"(,"src_l2_name":"IO.x@h","vpn":4294967295,"new":{"a":[1]})"),
      R"({"type":"system","msg":"ECHO","target":"AI.*","scope":"global","thread_id":"th","id":"01J",
          "thread_seq":7,"action_class":"read","ack":true,"later":[{"type":"x"}]})",
      R"({ "n" : 1.50 })");
  Result<EnvelopeView> view = read_envelope(json);
  ASSERT_TRUE(view.has_value()) << view.error().message;
  EXPECT_EQ(view->json, json);
  EXPECT_EQ(view->src.uuid.str(), kSrc);
  EXPECT_EQ(view->src_name, "IO.x@h");
  EXPECT_EQ(view->to, EnvelopeView::To::kName);
  EXPECT_EQ(view->dst_text, "AI.b@h");
  EXPECT_EQ(view->ttl, 255);
  EXPECT_EQ(view->vpn, 4294967295u);
  EXPECT_EQ(view->trace, "t1");
  EXPECT_EQ(view->type, "system");
  EXPECT_EQ(view->msg, "ECHO");
  EXPECT_EQ(view->target, "AI.*");
  EXPECT_EQ(view->scope, "global");
  EXPECT_EQ(view->thread_id, "th");
  EXPECT_EQ(view->id, "01J");
  EXPECT_TRUE(view->has_thread_seq);
  EXPECT_TRUE(view->has_action_class);
  EXPECT_TRUE(view->ack);
  EXPECT_EQ(view->payload, R"({ "n" : 1.50 })");
  EXPECT_TRUE(view->meta.starts_with(R"({"type":"system")"));
  EXPECT_TRUE(view->meta.ends_with("}]}"));
}

TEST(Envelope, ReadsEveryKindOfDestination) {
  auto to = [](std::string_view dst) { return *read_envelope(envelope(routing(dst))); };
  EXPECT_EQ(to("null").to, EnvelopeView::To::kNull);
  EXPECT_EQ(to("\"broadcast\"").to, EnvelopeView::To::kBroadcast);
  EXPECT_EQ(to("\"AI.a@*\"").to, EnvelopeView::To::kName);
  EXPECT_EQ(to(fmt::format("\"{}\"", kDst)).to, EnvelopeView::To::kNode);
  EXPECT_EQ(to(fmt::format("\"{}\"", kDst)).dst_node.uuid.str(), kDst);
  EXPECT_EQ(to("\"6f1c0000-0000-4000-8000-00000000000g\"").to, EnvelopeView::To::kName);
}

TEST(Envelope, WhiteSpaceAndOrderDoNotMatter) {
  const std::string json = fmt::format(
      " {{ \"payload\" : [ ] ,\n \"meta\" : {{ \"ack\" : false , \"type\" : \"user\" }} , \"x\" : "
      "1 ,\r\n"
      "\t\"routing\" : {{ \"trace_id\" : \"t\" , \"ttl\" : 0 , \"dst\" : null , \"src\" : \"{}\" "
      "}} }} \n",
      kSrc);
  Result<EnvelopeView> view = read_envelope(json);
  ASSERT_TRUE(view.has_value()) << view.error().message;
  EXPECT_EQ(view->ttl, 0);
  EXPECT_EQ(view->payload, "[ ]");
  EXPECT_EQ(body("1234" + stamped(json, {.src_name = "AI.b@h", .vpn = 3, .ttl = 9})).size(),
            json.size() + std::string_view(R"("src_l2_name":"AI.b@h","vpn":3,)").size());
  EXPECT_TRUE(read_envelope(stamped(json, {.src_name = "AI.b@h", .vpn = 3, .ttl = 9})));
}

struct Bad {
  std::string json;
  Code code;
  std::string says;  // in the message
};

std::vector<Bad> bad_fields() {
  auto with_meta = [](std::string_view meta) { return envelope(routing(), meta); };
  std::vector<Bad> bad;
  for (std::string_view ttl :
       {"256", "-1", "1.5", "1e1", "\"16\"", "null", "true", "[]", "99999999999999999999999", "-0"})
    bad.push_back({envelope(routing("null", ttl)), Code::kInvalid, "ttl"});
  for (std::string_view dst : {"1", "\"\"", "{}", R"("AI.a\u0040h")", "false"})
    bad.push_back({envelope(routing(dst)), Code::kInvalid, "dst"});
  for (std::string_view vpn : {"-1", "4294967296", "\"1\"", "0.5"})
    bad.push_back(
        {envelope(routing("null", "1", fmt::format(",\"vpn\":{}", vpn))), Code::kInvalid, "vpn"});
  for (std::string_view member : {R"("src":1)", R"("dst":null)", R"("ttl":3)", R"("trace_id":"x")"})
    bad.push_back({envelope(routing("null", "1", fmt::format(",{}", member))), Code::kInvalid,
                   std::string(member.substr(1, 3))});
  bad.push_back({envelope(routing("null", "1", R"(,"src_l2_name":"a","src_l2_name":"b")")),
                 Code::kInvalid, "src_l2_name"});
  bad.push_back(
      {envelope(routing("null", "1", R"(,"src_l2_name":7)")), Code::kInvalid, "src_l2_name"});
  bad.push_back(
      {envelope(R"({"src":"x","dst":null,"ttl":1,"trace_id":"t"})"), Code::kInvalid, "src"});
  bad.push_back({envelope(R"({"dst":null,"ttl":1,"trace_id":"t"})"), Code::kInvalid, "src"});
  bad.push_back({envelope(fmt::format(R"({{"src":"{}","ttl":1,"trace_id":"t"}})", kSrc)),
                 Code::kInvalid, "dst"});
  bad.push_back({envelope(fmt::format(R"({{"src":"{}","dst":null,"ttl":1}})", kSrc)),
                 Code::kInvalid, "trace_id"});
  for (std::size_t length : {0, 65})
    bad.push_back({envelope(fmt::format(R"({{"src":"{}","dst":null,"ttl":1,"trace_id":"{}"}})",
                                        kSrc, std::string(length, 't'))),
                   Code::kInvalid, "trace_id"});
  for (std::string_view meta : {"{}", R"({"type":""})", R"({"type":null})", R"({"type":1})",
                                R"({"type":"us\u0065r"})", R"({"type":"user","type":"system"})"})
    bad.push_back({with_meta(meta), Code::kInvalid, "type"});
  for (std::string_view name : {"msg", "target", "scope", "thread_id", "id", "action_class"})
    bad.push_back({with_meta(fmt::format(R"({{"type":"user","{}":[1]}})", name)), Code::kInvalid,
                   std::string(name)});
  bad.push_back({with_meta(R"({"type":"user","ack":1})"), Code::kInvalid, "ack"});
  bad.push_back({with_meta(R"({"type":"user","thread_seq":-1})"), Code::kInvalid, "thread_seq"});
  bad.push_back({with_meta(R"({"type":"user","t\u0079pe":"system"})"), Code::kInvalid, "name"});
  bad.push_back({with_meta("[]"), Code::kInvalid, "meta"});
  bad.push_back({envelope("null"), Code::kInvalid, "routing"});
  return bad;
}

std::vector<Bad> bad_json() {
  std::vector<Bad> bad;
  const std::string good = envelope(routing());
  auto payload = [&](std::string_view text) {
    bad.push_back({envelope(routing(), R"({"type":"user"})", text), Code::kCorrupt, ""});
  };
  for (std::string_view text : {"",
                                "{",
                                "}",
                                "[1,]",
                                "[,1]",
                                "{\"a\"}",
                                "{\"a\":}",
                                "{\"a\":1,}",
                                "{1:2}",
                                "[1 2]",
                                "01",
                                "1.",
                                ".5",
                                "+1",
                                "-",
                                "1e",
                                "1e+",
                                "NaN",
                                "tru",
                                "nulll",
                                "'a'",
                                "\"a",
                                "\"\\x\"",
                                "\"\\u12g4\"",
                                "\"\\u123\"",
                                "\"\t\"",
                                "\"\n\"",
                                "\"\\ud800\"",
                                "\"\\ud800x\"",
                                "\"\\ud800\\n\"",
                                "\"\\ud800\\ud800\"",
                                "\"\\udc00\"",
                                "\"\xff\"",
                                "\"\xc0\x80\"",
                                "\"\xed\xa0\x80\"",
                                "\"\xf4\x90\x80\x80\"",
                                "\"\xe2\x82\"",
                                "[}",
                                "{]",
                                "[1]]",
                                "1 1"})
    payload(text);
  payload(std::string(64, '[') + std::string(64, ']'));
  payload(std::string(100'000, '['));
  for (std::string json :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"), good + "x",
        good + good, R"({"routing":{},"meta":{}})" + std::string(), "{\"a\":1,}" + std::string(),
        std::string("\xef\xbb\xbf") + good, good.substr(0, good.size() - 1), envelope("{\"src\":}"),
        envelope("{,}"), envelope("{\"a\":1 \"b\":2}")})
    bad.push_back({json, Code::kCorrupt, ""});
  return bad;
}

TEST(Envelope, SaysWhichFieldIsWrong) {
  for (const Bad& bad : bad_fields()) {
    Result<EnvelopeView> view = read_envelope(bad.json);
    ASSERT_FALSE(view.has_value()) << bad.json;
    EXPECT_EQ(view.error().code, bad.code) << bad.json;
    EXPECT_TRUE(view.error().message.contains(bad.says)) << bad.json << view.error().message;
  }
}

TEST(Envelope, RefusesWhatIsNoJson) {
  for (const Bad& bad : bad_json()) {
    Result<EnvelopeView> view = read_envelope(bad.json);
    ASSERT_FALSE(view.has_value()) << bad.json;
    EXPECT_EQ(view.error().code, Code::kCorrupt) << bad.json;
  }
}

// Each prefix lies in memory of its own size, so that reading past it shows under ASan.
TEST(Envelope, NoPrefixIsAnEnvelope) {
  const std::string good =
      envelope(routing("\"AI.a@h\"", "16", R"(,"vpn":3)"), R"({"type":"user","x":"\ud83d\ude00é"})",
               R"({"a":[true,false,null,-1.5e+3,"long enough for a whole vector of bytes"]})");
  ASSERT_TRUE(read_envelope(good).has_value());
  for (std::size_t length = 0; length < good.size(); ++length) {
    std::vector<char> prefix(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(read_envelope({prefix.data(), prefix.size()}).has_value()) << length;
  }
}

TEST(Envelope, TakesWhatJsonAllows) {
  for (std::string payload :
       {"null", "[]", "{}", "\"\"", "0", "-0", "1e999999", "123456789012345678901234567890",
        "[[],{},[{}]]", R"("\"\\\/\b\f\n\r\t\u0000\uffff\ud83d\ude00")", "\"\x7f\"",
        "\"\xf0\x9f\x98\x80\"", R"({"a":1,"a":2,"\u0061":3})"})
    EXPECT_EQ(read_envelope(envelope(routing(), R"({"type":"user"})", payload))->payload, payload);
  const std::string deep = std::string(63, '[') + std::string(63, ']');
  EXPECT_TRUE(read_envelope(envelope(routing(), R"({"type":"user"})", deep)).has_value());
  EXPECT_TRUE(read_envelope(envelope(routing(), R"({"type":"user","\u00fc\n\\u0074":1})")));
  EXPECT_TRUE(read_envelope(envelope(routing(), R"({"type":"user","msg":null,"ack":null})")));
}

TEST(Stamp, SplicesAndTouchesNothingElse) {
  const std::string meta = R"({ "type":"user", "später":{"a" : 1.50} })";
  const std::string payload = R"({"n" : 1.50,"e":1E5, "u":"\u00e9"})";
  const std::string json = envelope(routing(), meta, payload);
  EXPECT_EQ(stamped(json, {.src_name = "IO.x@h",
                           .vpn = 7,
                           .ttl = 3,
                           .thread_seq = 12,
                           .action_class = "send_message"}),
            fmt::format(R"({{"routing":{{"src_l2_name":"IO.x@h","vpn":7,"src":"{}","dst":"AI.a@h",)"
                        R"("ttl":3,"trace_id":"t1"}},"meta":{{"thread_seq":12,)"
                        R"("action_class":"send_message",{},"payload":{}}})",
                        kSrc, meta.substr(1), payload));
  EXPECT_EQ(stamped(json, {.ttl = 16}), json);
}

TEST(Stamp, ReplacesWhatTheSenderClaimed) {
  const std::string claims[] = {
      R"("src_l2_name":"SY.liar@h","vpn":9,#)",  R"("vpn":9,"src_l2_name":"SY.liar@h",#)",
      R"(#,"src_l2_name":"SY.liar@h","vpn":9)",  R"(#,"vpn":9,"src_l2_name":"SY.liar@h")",
      R"("vpn":9,#,"src_l2_name":"SY.liar@h")",  R"("src_l2_name":null , "vpn": null , #)",
      R"(# , "vpn" : 9 , "src_l2_name" : null )"};
  const std::string rest = fmt::format(R"("src":"{}","dst":null,"ttl":2,"trace_id":"t1")", kSrc);
  for (const std::string& claim : claims) {
    const std::string json = envelope("{" + replace_all(claim, "#", rest) + "}");
    Result<json::value> bare = parse_json(stamped(json, {.ttl = 1}));
    ASSERT_TRUE(bare.has_value()) << stamped(json, {.ttl = 1});
    EXPECT_EQ(bare->at("routing").as_object().size(), 4u) << claim;
    EXPECT_EQ(bare->at("routing").at("ttl"), 1);
    const std::string again =
        stamped(json, {.src_name = "AI.b@h", .vpn = 4, .ttl = 1, .dst = "AI.c@h"});
    Result<EnvelopeView> view = read_envelope(again);
    ASSERT_TRUE(view.has_value()) << again;
    EXPECT_EQ(view->src_name, "AI.b@h");
    EXPECT_EQ(view->vpn, 4u);
    EXPECT_EQ(view->dst_text, "AI.c@h");
  }
}

TEST(Stamp, LeavesASequenceAndAClassThatAreThere) {
  const std::string json =
      envelope(routing(), R"({"type":"user","thread_seq":5,"action_class":null})");
  EXPECT_EQ(stamped(json, {.ttl = 16, .thread_seq = 9, .action_class = "x"}), json);
}

TEST(Stamp, IsNeverLongerThanItsRoom) {
  const std::string json = envelope(routing("null", "1"));
  const std::string name(256, 'n');
  const std::string longest = stamped(json, {.src_name = name,
                                             .vpn = 4294967295u,
                                             .ttl = 255,
                                             .dst = name,
                                             .thread_seq = UINT64_MAX,
                                             .action_class = "identity_change"});
  EXPECT_LE(longest.size(), json.size() + kStampBytesMax);
}

TEST(Stamp, WritesTheLengthInFront) {
  const std::string json =
      envelope(routing("null", "1"), R"({"type":"user"})", '"' + std::string(70'000, 'x') + '"');
  std::string out;
  append_stamped(out, *read_envelope(json), {.ttl = 1});
  EXPECT_EQ(hex_encode(out.substr(0, 4)), fmt::format("{:08x}", json.size()));
}

}  // namespace
}  // namespace skep::fabric
