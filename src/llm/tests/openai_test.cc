#include <gtest/gtest.h>

#include "decode.h"

namespace skep::llm {
namespace {

std::unique_ptr<StreamDecoder> make(EventSink sink) { return openai_decoder(std::move(sink), 400); }
Decoded decode(std::string_view wire, std::size_t piece = 0) {
  return decode_sse(make, wire, piece);
}

std::string chunk(std::string_view delta, std::string_view finish = "null") {
  return fmt::format(
      "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-2024-08-06\","
      "\"choices\":[{{\"index\":0,\"delta\":{},\"finish_reason\":{}}}],\"usage\":null}}\n\n",
      delta, finish);
}

constexpr std::string_view kUsage =
    "data: "
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":120,\"completion_tokens\":8,\"prompt_tokens_"
    "details\":"
    "{\"cached_tokens\":100}}}\n\n";
constexpr std::string_view kDone = "data: [DONE]\n\n";

TEST(OpenaiStream, GivesTextUsageAndModelHoweverTheBytesAreCut) {
  std::string wire = chunk(R"({"role":"assistant","content":""})") +
                     chunk(R"({"content":"Grüß dich, "})") + chunk(R"({"content":"世界 🐝"})") +
                     chunk("{}", "\"stop\"");
  wire += kUsage;
  wire += kDone;
  for (std::size_t piece : {0, 1, 2, 5, 64}) {
    Decoded got = decode(wire, piece);
    ASSERT_TRUE(got.answer) << got.answer.error().error.message;
    EXPECT_EQ(got.answer->parts, std::vector<Part>{TextPart{"Grüß dich, 世界 🐝"}});
    EXPECT_EQ(got.seen.text, "Grüß dich, 世界 🐝");
    EXPECT_EQ(got.answer->usage, (Usage{.input = 20, .output = 8, .cache_read = 100}));
    EXPECT_EQ(got.answer->model, "gpt-4o-2024-08-06");
    EXPECT_EQ(got.answer->stop_detail, "stop");
  }
}

TEST(OpenaiStream, CollectsParallelCallsByIndex) {
  std::string wire =
      chunk(R"({"content":"Let me look."})") +
      chunk(
          R"({"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"calc","arguments":""}}]})") +
      chunk(R"({"tool_calls":[{"index":0,"id":"","function":{"arguments":"{\"a\":"}}]})") +
      chunk(
          R"({"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"time","arguments":""}}]})") +
      chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]})") +
      chunk("{}", "\"tool_calls\"");
  wire += kDone;
  Decoded got = decode(wire, 1);
  ASSERT_TRUE(got.answer) << got.answer.error().error.message;
  EXPECT_EQ(got.answer->parts,
            (std::vector<Part>{TextPart{"Let me look."},
                               ToolCall{"call_a", "calc", object_of(R"({"a":1})"), ""},
                               ToolCall{"call_b", "time", json::object{}, ""}}));
  EXPECT_EQ(got.answer->stop, StopReason::kToolUse);
  EXPECT_EQ(got.seen.tools, (std::vector<std::string>{"calc", "time"}));
}

TEST(OpenaiStream, TellsCallsApartThatShareAnIndexOrHaveNone) {
  for (std::string_view index : {"\"index\":0,", ""}) {
    std::string wire =
        chunk(fmt::format(
                  R"({{"tool_calls":[{{{0}"id":"a","function":{{"name":"x","arguments":"{{}}"}}}},)"
                  R"({{{0}"id":"b","function":{{"name":"y","arguments":{{"k":2}}}}}}]}})",
                  index),
              "\"stop\"");
    Decoded got = decode(wire);
    ASSERT_TRUE(got.answer) << got.answer.error().error.message;
    EXPECT_EQ(got.answer->parts,
              (std::vector<Part>{ToolCall{"a", "x", json::object{}, ""},
                                 ToolCall{"b", "y", object_of(R"({"k":2})"), ""}}));
    EXPECT_EQ(got.answer->stop, StopReason::kToolUse);
  }
}

TEST(OpenaiStream, MintsAnIdForACallWithoutOne) {
  Decoded got =
      decode(chunk(R"({"tool_calls":[{"index":0,"function":{"name":"x","arguments":"{}"}},)"
                   R"({"index":1,"function":{"name":"x","arguments":"{}"}}]})",
                   "\"tool_calls\""));
  ASSERT_TRUE(got.answer);
  const auto& a = std::get<ToolCall>(got.answer->parts.at(0));
  const auto& b = std::get<ToolCall>(got.answer->parts.at(1));
  EXPECT_FALSE(a.id.empty());
  EXPECT_NE(a.id, b.id);
}

TEST(OpenaiStream, KeepsReasoningOutOfTheText) {
  std::string wire = chunk(R"({"reasoning_content":"hm, "})") +
                     chunk(R"({"reasoning_content":"yes"})") +
                     chunk(R"({"content":"Yes."})", "\"stop\"");
  Decoded got = decode(wire);
  ASSERT_TRUE(got.answer);
  EXPECT_EQ(got.seen.text, "Yes.");
  EXPECT_EQ(got.seen.thinking, "hm, yes");
  EXPECT_EQ(text_of(got.answer->parts), "Yes.");
  EXPECT_EQ(
      got.answer->parts.at(0),
      Part(OpaquePart{
          "openai",
          object_of(R"({"type":"reasoning","field":"reasoning_content","text":"hm, yes"})")}));
}

TEST(OpenaiStream, TakesThinkTagsInFrontForReasoning) {
  for (auto [content, thinking, text] : std::vector<std::array<std::string, 3>>{
           {"<think>so</think>\n\nYes.", "so", "Yes."},
           {"\n<think>a < b</think>Yes <think>", "a < b", "Yes <think>"},
           {"A <think> tag", "", "A <think> tag"},
           {"<thin", "", "<thin"},
           {"<think>never closed", "never closed", ""}}) {
    std::string wire;
    for (char c : content) wire += chunk(to_json(json::object{{"content", std::string(1, c)}}));
    Decoded got = decode(wire + chunk("{}", "\"stop\""));
    ASSERT_TRUE(got.answer);
    EXPECT_EQ(got.seen.thinking, thinking) << content;
    EXPECT_EQ(got.seen.text, text) << content;
    EXPECT_EQ(text_of(got.answer->parts), text) << content;
  }
}

TEST(OpenaiStream, EstimatesUsageWhenTheServerGivesNone) {
  Decoded got = decode(chunk(R"({"content":"12345678"})", "\"stop\""));
  ASSERT_TRUE(got.answer);
  EXPECT_EQ(got.answer->usage, (Usage{.input = 100, .output = 3}));
}

TEST(OpenaiStream, ReadsAWholeMessageFromAServerThatDoesNotStream) {
  Seen seen;
  auto decoder = make(seen.sink());
  ASSERT_TRUE(decoder->event(
      "",
      R"({"choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]})"));
  auto answer = decoder->finish();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->parts, std::vector<Part>{TextPart{"hi"}});
}

TEST(OpenaiStream, MapsStopReasons) {
  const std::vector<std::pair<std::string, StopReason>> table = {
      {"stop", StopReason::kEnd},
      {"length", StopReason::kMaxTokens},
      {"content_filter", StopReason::kRefusal},
      {"eos", StopReason::kUnknown}};
  for (const auto& [word, stop] : table) {
    Decoded got = decode(chunk(R"({"content":"x"})", "\"" + word + "\""));
    ASSERT_TRUE(got.answer);
    EXPECT_EQ(got.answer->stop, stop) << word;
  }
}

TEST(OpenaiStream, BreaksOffWithoutFinishReasonOrDone) {
  for (const std::string& wire :
       {chunk(R"({"content":"half"})"), std::string(kDone), std::string()}) {
    Decoded got = decode(wire);
    ASSERT_FALSE(got.answer) << wire;
    EXPECT_EQ(got.answer.error().error.code, Code::kUnavailable);
    EXPECT_TRUE(got.answer.error().retryable);
  }
}

TEST(OpenaiStream, FailsOnAnErrorInsideTheStream) {
  Decoded got = decode(
      "data: {\"error\":{\"message\":\"Rate limit reached. Please try again in "
      "1.5s\",\"type\":\"tokens\","
      "\"code\":\"rate_limit_exceeded\"}}\n\n");
  ASSERT_FALSE(got.answer);
  EXPECT_EQ(got.answer.error().error.code, Code::kExhausted);
  EXPECT_EQ(got.answer.error().retry_after, std::chrono::milliseconds(1500));
}

TEST(OpenaiStream, RefusesGarbageAsCorrupt) {
  for (std::string_view wire : {"data: {\"choices\":\n\n", "data: 7\n\n", "data: {}{}\n\n"}) {
    Decoded got = decode(wire);
    ASSERT_FALSE(got.answer) << wire;
    EXPECT_EQ(got.answer.error().error.code, Code::kCorrupt) << wire;
  }
}

TEST(OpenaiStream, BoundsTheText) {
  std::string piece = chunk(to_json(json::object{{"content", std::string(512 << 10, 'x')}}));
  Seen seen;
  auto decoder = make({});
  Step step;
  std::string_view data = std::string_view(piece).substr(6);
  int pieces = 0;
  while (step && pieces < 100) {
    step = decoder->event("", data);
    ++pieces;
  }
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().error.code, Code::kCorrupt);
  EXPECT_EQ(pieces, 17);
}

Request two_rounds() {
  Request request;
  request.system = "You are Skep.";
  request.max_tokens = 64;
  request.tools = {{"calc", "Computes.", object_of(R"({"type":"object"})")}};
  request.messages = {
      {Role::kUser, {TextPart{"2+2?"}}},
      {Role::kAssistant,
       {OpaquePart{"openai",
                   object_of(R"({"type":"reasoning","field":"reasoning_content","text":"hm"})")},
        ToolCall{"c1", "calc", object_of(R"({"expr":"2+2"})"), ""},
        ToolCall{"c2", "calc", json::object{}, "bad"}}},
      {Role::kUser,
       {TextPart{"and look"}, ToolResult{"c1", "calc", "4", false},
        ImagePart{"image/png", "\x89PNG"}, ToolResult{"c2", "calc", "bad arguments", true}}},
  };
  return request;
}

TEST(OpenaiRequest, IsExactlyThisWithAllResultsBeforeTheRestOfTheTurn) {
  EXPECT_EQ(
      encode_openai(two_rounds(), {.model = "gpt-4o", .temperature = 1.0, .images = true}),
      R"({"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"max_tokens":64,"temperature":1E0,"tools":[)"
      R"({"type":"function","function":{"name":"calc","description":"Computes.","parameters":{"type":"object"}}}],)"
      R"("tool_choice":"auto","messages":[{"role":"system","content":"You are Skep."},{"role":"user","content":"2+2?"},)"
      R"({"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[)"
      R"({"id":"c1","type":"function","function":{"name":"calc","arguments":"{\"expr\":\"2+2\"}"}},)"
      R"({"id":"c2","type":"function","function":{"name":"calc","arguments":"{}"}}]},)"
      R"({"role":"tool","content":"4","tool_call_id":"c1"},{"role":"tool","content":"Error: bad arguments","tool_call_id":"c2"},)"
      R"({"role":"user","content":[{"type":"text","text":"and look"},)"
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw=="}}]}]})");
}

TEST(OpenaiRequest, FollowsItsOptions) {
  Request request = two_rounds();
  request.tools_allowed = false;
  json::value body = object_of(encode_openai(
      request, {.model = "gpt-5", .stream_options = false, .max_completion_tokens = true}));
  EXPECT_EQ(body.at("tool_choice"), json::value("none"));
  EXPECT_EQ(body.at("max_completion_tokens"), json::value(64));
  EXPECT_EQ(get_member(body, "max_tokens"), nullptr);
  EXPECT_EQ(get_member(body, "stream_options"), nullptr);
  EXPECT_EQ(get_member(body, "temperature"), nullptr);
  EXPECT_EQ(
      body.at("messages").as_array().back().at("content"),
      json::value("and look\n[image, image/png, 4 bytes: not shown, this model takes no images]"));
}

}  // namespace
}  // namespace skep::llm
