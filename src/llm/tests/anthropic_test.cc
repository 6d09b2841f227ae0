#include <gtest/gtest.h>

#include "decode.h"

namespace skep::llm {
namespace {

constexpr std::string_view kTextStream = R"(event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"usage":{"input_tokens":25,"cache_creation_input_tokens":7,"cache_read_input_tokens":100,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Gr\u00fc\u00df "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"dich, 世界 🐝"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

)";

// Blocks 0 (thinking), 1 (of a kind we do not know) and 3 (a call): the numbers have a hole.
constexpr std::string_view kToolStream =
    R"(data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":5}}}

data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me "}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"see."}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"bees\"}"}}

data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"calc","input":{}}}

data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}

data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"expr\":"}}

data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"\"2+2\"}"}}

data: {"type":"content_block_stop","index":3}

data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}

data: {"type":"message_stop"}

)";

Decoded decode(std::string_view wire, std::size_t piece = 0) {
  return decode_sse(anthropic_decoder, wire, piece);
}

std::string with_events(std::string_view events, std::string_view stop) {
  return fmt::format(
      "data: {{\"type\":\"message_start\",\"message\":{{\"model\":\"m\"}}}}\n\n{}"
      "data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{}\"}}}}\n\n"
      "data: {{\"type\":\"message_stop\"}}\n\n",
      events, stop);
}

std::string call_events(std::string_view partial) {
  json::object delta{{"type", "input_json_delta"}, {"partial_json", partial}};
  json::object event{{"type", "content_block_delta"}, {"index", 0}, {"delta", delta}};
  return fmt::format(
      "data: "
      "{{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{{\"type\":\"tool_use\","
      "\"id\":\"t1\","
      "\"name\":\"calc\",\"input\":{{}}}}}}\n\ndata: {}\n\n",
      to_json(event));
}

TEST(AnthropicStream, GivesTextUsageAndModelHoweverTheBytesAreCut) {
  for (std::size_t piece : {0, 1, 2, 3, 7, 1000}) {
    Decoded got = decode(kTextStream, piece);
    ASSERT_TRUE(got.answer) << got.answer.error().error.message;
    EXPECT_EQ(got.answer->parts, std::vector<Part>{TextPart{"Grüß dich, 世界 🐝"}});
    EXPECT_EQ(got.seen.text, "Grüß dich, 世界 🐝");
    EXPECT_EQ(got.answer->stop, StopReason::kEnd);
    EXPECT_EQ(got.answer->stop_detail, "end_turn");
    EXPECT_EQ(got.answer->model, "claude-sonnet-4-5-20250929");
    EXPECT_EQ(got.answer->usage,
              (Usage{.input = 25, .output = 15, .cache_read = 100, .cache_write = 7}));
    EXPECT_EQ(got.seen.usages, 1);
  }
}

TEST(AnthropicStream, FoldsCallsByIndexAndKeepsBlocksItDoesNotKnow) {
  Decoded got = decode(kToolStream, 1);
  ASSERT_TRUE(got.answer) << got.answer.error().error.message;
  ASSERT_EQ(got.answer->parts.size(), 3u);
  EXPECT_EQ(got.answer->parts[0],
            Part(OpaquePart{
                "anthropic",
                object_of(R"({"type":"thinking","thinking":"Let me see.","signature":"c2ln"})")}));
  EXPECT_EQ(
      got.answer->parts[1],
      Part(OpaquePart{
          "anthropic",
          object_of(
              R"({"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"query":"bees"}})")}));
  EXPECT_EQ(got.answer->parts[2],
            Part(ToolCall{"toolu_1", "calc", object_of(R"({"expr":"2+2"})"), ""}));
  EXPECT_EQ(got.answer->stop, StopReason::kToolUse);
  EXPECT_EQ(got.seen.thinking, "Let me see.");
  EXPECT_EQ(got.seen.text, "");
  EXPECT_EQ(got.seen.tools, std::vector<std::string>{"calc"});
}

TEST(AnthropicStream, TellsTheModelWhenItsArgumentsDoNotParse) {
  Decoded got = decode(with_events(call_events("{\"expr\": oops"), "tool_use"));
  ASSERT_TRUE(got.answer);
  const auto& call = std::get<ToolCall>(got.answer->parts.at(0));
  EXPECT_NE(call.arguments_error.find("{\"expr\": oops"), std::string::npos)
      << call.arguments_error;
  EXPECT_EQ(got.answer->stop, StopReason::kToolUse);
}

TEST(AnthropicStream, NeverRunsACallThatTheTokenLimitCut) {
  Decoded got = decode(with_events(call_events(R"({"path":"/tmp"})"), "max_tokens"));
  ASSERT_TRUE(got.answer);
  EXPECT_EQ(got.answer->stop, StopReason::kMaxTokens);
  EXPECT_FALSE(std::get<ToolCall>(got.answer->parts.at(0)).arguments_error.empty());
}

TEST(AnthropicStream, MapsEveryStopReason) {
  const std::vector<std::pair<std::string, StopReason>> table = {
      {"end_turn", StopReason::kEnd},
      {"stop_sequence", StopReason::kEnd},
      {"max_tokens", StopReason::kMaxTokens},
      {"pause_turn", StopReason::kPause},
      {"refusal", StopReason::kRefusal},
      {"model_context_window_exceeded", StopReason::kContextExceeded},
      {"something_new", StopReason::kUnknown},
      {"tool_use", StopReason::kEnd /* without a call */}};
  for (const auto& [word, stop] : table) {
    Decoded got = decode(with_events("", word));
    ASSERT_TRUE(got.answer);
    EXPECT_EQ(got.answer->stop, stop) << word;
    EXPECT_EQ(got.answer->stop_detail, word);
  }
}

TEST(AnthropicStream, FailsOnAnErrorEventWithTheProvidersWords) {
  std::string wire(kTextStream.substr(0, kTextStream.find("event: content_block_stop")));
  wire +=
      "event: error\ndata: "
      "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"
      "\n\n";
  Decoded got = decode(wire);
  ASSERT_FALSE(got.answer);
  EXPECT_EQ(got.answer.error().error.code, Code::kUnavailable);
  EXPECT_TRUE(got.answer.error().retryable);
  EXPECT_NE(got.answer.error().error.message.find("Overloaded"), std::string::npos);
}

TEST(AnthropicStream, SaysThatItBrokeOffWithoutMessageStop) {
  Decoded got = decode(kTextStream.substr(0, kTextStream.find("event: message_stop")));
  ASSERT_FALSE(got.answer);
  EXPECT_EQ(got.answer.error().error,
            (Error{Code::kUnavailable, "anthropic: the answer broke off mid-stream"}));
  EXPECT_TRUE(got.answer.error().retryable);
}

TEST(AnthropicStream, RefusesGarbageAsCorrupt) {
  for (std::string_view wire :
       {"data: {\"type\":\n\n", "data: [1]\n\n", "data: hello\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":4,\"delta\":{}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":0}\n\n"}) {
    Decoded got = decode(wire);
    ASSERT_FALSE(got.answer) << wire;
    EXPECT_EQ(got.answer.error().error.code, Code::kCorrupt) << wire;
  }
}

TEST(AnthropicStream, BoundsOneCallsArguments) {
  std::string half = call_events(std::string(kArgumentsBytesMax / 2, ' '));
  std::string second = half.substr(half.find("\n\n") + 2);
  ASSERT_TRUE(decode(with_events(half + second, "tool_use")).answer) << "exactly the limit";
  std::string third = call_events("x");
  Decoded got =
      decode(with_events(half + second + third.substr(third.find("\n\n") + 2), "tool_use"));
  ASSERT_FALSE(got.answer);
  EXPECT_EQ(got.answer.error().error.code, Code::kCorrupt);
  EXPECT_FALSE(got.answer.error().retryable);
}

TEST(AnthropicStream, BoundsTheNumberOfBlocks) {
  std::string events;
  for (std::size_t i = 0; i <= kBlocksMax; ++i) {
    events += fmt::format(
        "data: "
        "{{\"type\":\"content_block_start\",\"index\":{},\"content_block\":{{\"type\":\"text\"}}}}"
        "\n\n",
        i);
  }
  Decoded got = decode(with_events(events, "end_turn"));
  ASSERT_FALSE(got.answer);
  EXPECT_EQ(got.answer.error().error.code, Code::kCorrupt);
}

TEST(AnthropicStream, JoinsTextBlocksForTheWatcherAsTextOfDoes) {
  std::string events;
  for (int i : {0, 1}) {
    events += fmt::format(
        "data: "
        "{{\"type\":\"content_block_start\",\"index\":{0},\"content_block\":{{\"type\":\"text\","
        "\"text\":\"part {0}\"}}}}\n\n",
        i);
  }
  Decoded got = decode(with_events(events, "end_turn"));
  ASSERT_TRUE(got.answer);
  EXPECT_EQ(got.seen.text, "part 0\npart 1");
  EXPECT_EQ(got.seen.text, text_of(got.answer->parts));
}

Request two_rounds() {
  Request request;
  request.system = "You are Skep.";
  request.max_tokens = 512;
  request.tools = {{"calc", "Computes.",
                    object_of(R"({"type":"object","properties":{"expr":{"type":"string"}}})")},
                   {"time", "Tells the time.", object_of(R"({"type":"object"})")}};
  request.messages = {
      {Role::kUser, {TextPart{"2+2?"}, ImagePart{"image/png", "\x89PNG"}}},
      {Role::kAssistant,
       {OpaquePart{"anthropic",
                   object_of(R"({"type":"thinking","thinking":"hm","signature":"s"})")},
        OpaquePart{"openai", object_of(R"({"type":"reasoning"})")},
        ToolCall{"call:1", "calc", object_of(R"({"expr":"2+2"})"), ""}}},
      {Role::kUser,
       {TextPart{"and quickly"}, ToolResult{"call:1", "calc", "no such operator", true}}},
  };
  return request;
}

TEST(AnthropicRequest, IsExactlyThis) {
  Request request = two_rounds();
  request.cached_messages = 2;
  WireOptions options{.model = "claude-x", .temperature = 0.5, .images = true};
  EXPECT_EQ(
      encode_anthropic(request, options),
      R"({"model":"claude-x","max_tokens":512,"stream":true,"temperature":5E-1,"tools":[)"
      R"({"name":"calc","description":"Computes.","input_schema":{"type":"object","properties":{"expr":{"type":"string"}}}},)"
      R"({"name":"time","description":"Tells the time.","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}],)"
      R"("system":[{"type":"text","text":"You are Skep.","cache_control":{"type":"ephemeral"}}],"messages":[)"
      R"({"role":"user","content":[{"type":"text","text":"2+2?"},)"
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw=="}}]},)"
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},)"
      R"({"type":"tool_use","id":"call_1","name":"calc","input":{"expr":"2+2"},"cache_control":{"type":"ephemeral"}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"no such operator","is_error":true},)"
      R"({"type":"text","text":"and quickly","cache_control":{"type":"ephemeral"}}]}]})");
}

TEST(AnthropicRequest, ForbidsCallsWithoutTakingTheToolsAway) {
  Request request = two_rounds();
  request.tools_allowed = false;
  json::value body = object_of(encode_anthropic(request, {.model = "m"}));
  EXPECT_EQ(body.at("tool_choice"), object_of(R"({"type":"none"})"));
  EXPECT_EQ(body.at("tools").as_array().size(), 2u);
}

TEST(AnthropicRequest, MarksAtMostFourPlacesAndNoneWhenCachingIsOff) {
  Request request = two_rounds();
  auto markers = [](std::string_view text) {
    int n = 0;
    for (std::size_t at = text.find("cache_control"); at != std::string_view::npos;
         at = text.find("cache_control", at + 1))
      ++n;
    return n;
  };
  for (std::size_t cached : {0, 1, 2, 3}) {
    request.cached_messages = cached;
    EXPECT_EQ(markers(encode_anthropic(request, {.model = "m"})),
              cached == 0 || cached == 3 ? 3 : 4)
        << cached;
  }
  EXPECT_EQ(markers(encode_anthropic(request, {.model = "m", .cache = false})), 0);
}

TEST(AnthropicRequest, KeepsThePrefixBytesWhenMessagesAreAdded) {
  Request request = two_rounds();
  WireOptions options{.model = "m", .cache = false};
  std::string before = encode_anthropic(request, options);
  request.messages.push_back({Role::kAssistant, {TextPart{"4"}}});
  std::string after = encode_anthropic(request, options);
  before.resize(before.size() - 2);  // "]}"
  EXPECT_TRUE(after.starts_with(before));
}

TEST(AnthropicRequest, LeavesOutBlankTextAndUnsignedThinking) {
  Request request;
  request.messages = {
      {Role::kUser, {TextPart{"hi"}, TextPart{" "}}},
      {Role::kAssistant,
       {OpaquePart{"anthropic", object_of(R"({"type":"thinking","thinking":"x"})")}}},
      {Role::kUser,
       {FilePart{"report.pdf", "application/pdf", 122880, ""}, ImagePart{"image/png", "12345"}}}};
  json::value body = object_of(encode_anthropic(request, {.model = "m", .cache = false}));
  EXPECT_EQ(body.at("messages"),
            object_of(R"([{"role":"user","content":[{"type":"text","text":"hi"}]},
      {"role":"user","content":[{"type":"text","text":"[file report.pdf, application/pdf, 120 KB]"},
      {"type":"text","text":"[image, image/png, 5 bytes: not shown, this model takes no images]"}]}])"));
}

}  // namespace
}  // namespace skep::llm
