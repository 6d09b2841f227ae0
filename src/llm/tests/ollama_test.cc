#include <gtest/gtest.h>

#include "decode.h"

namespace skep::llm {
namespace {

Decoded decode(std::string_view wire, std::size_t piece = 0) {
  return decode_lines(ollama_decoder, wire, piece);
}

constexpr std::string_view kText =
    R"({"model":"llama3.2","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Grüß "},"done":false})"
    "\n"
    R"({"model":"llama3.2","message":{"role":"assistant","content":"dich 🐝"},"done":false})"
    "\r\n\n"
    R"({"model":"llama3.2","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":26,"eval_count":8})";

TEST(OllamaStream, GivesTextAndUsageHoweverTheBytesAreCut) {
  for (std::size_t piece : {0, 1, 2, 3, 50}) {
    Decoded got = decode(kText, piece);
    ASSERT_TRUE(got.answer) << got.answer.error().error.message;
    EXPECT_EQ(got.answer->parts, std::vector<Part>{TextPart{"Grüß dich 🐝"}});
    EXPECT_EQ(got.seen.text, "Grüß dich 🐝");
    EXPECT_EQ(got.answer->usage, (Usage{.input = 26, .output = 8}));
    EXPECT_EQ(got.answer->model, "llama3.2");
    EXPECT_EQ(got.answer->stop, StopReason::kEnd);
    EXPECT_EQ(got.answer->stop_detail, "stop");
  }
}

TEST(OllamaStream, MintsIdsThatNeverRepeatAndReadsArgumentsInBothForms) {
  constexpr std::string_view kCalls =
      R"({"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"calc","arguments":{"expr":"2+2"}}},{"function":{"name":"time","arguments":"{\"zone\":\"UTC\"}"}}]},"done":false})"
      "\n"
      R"({"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"})"
      "\n";
  std::set<std::string> ids;
  for (int round : {1, 2}) {
    Decoded got = decode(kCalls);
    ASSERT_TRUE(got.answer) << round;
    ASSERT_EQ(got.answer->parts.size(), 2u);
    auto calc = std::get<ToolCall>(got.answer->parts[0]);
    auto time = std::get<ToolCall>(got.answer->parts[1]);
    EXPECT_EQ(calc.arguments, object_of(R"({"expr":"2+2"})"));
    EXPECT_EQ(time.arguments, object_of(R"({"zone":"UTC"})"));
    EXPECT_EQ(got.answer->stop, StopReason::kToolUse);
    ids.insert(calc.id);
    ids.insert(time.id);
  }
  EXPECT_EQ(ids.size(), 4u);
}

TEST(OllamaStream, KeepsThinkingOutOfTheText) {
  Decoded got = decode(R"({"message":{"content":"","thinking":"hm"},"done":false})"
                       "\n"
                       R"({"message":{"content":"Yes."},"done":true})");
  ASSERT_TRUE(got.answer);
  EXPECT_EQ(got.seen.thinking, "hm");
  EXPECT_EQ(got.answer->parts, std::vector<Part>{TextPart{"Yes."}});
}

TEST(OllamaStream, NeverRunsACallOfAnAnswerThatWasCut) {
  Decoded got = decode(
      R"({"message":{"content":"x","tool_calls":[{"function":{"name":"rm","arguments":{}}}]},"done":true,"done_reason":"length"})");
  ASSERT_TRUE(got.answer);
  EXPECT_EQ(got.answer->stop, StopReason::kMaxTokens);
  EXPECT_FALSE(std::get<ToolCall>(got.answer->parts.at(1)).arguments_error.empty());
}

TEST(OllamaStream, BreaksOffWithoutItsLastLine) {
  Decoded got = decode(kText.substr(0, kText.rfind('\n')));
  ASSERT_FALSE(got.answer);
  EXPECT_EQ(got.answer.error().error,
            (Error{Code::kUnavailable, "ollama: the answer broke off mid-stream"}));
}

TEST(OllamaStream, FailsOnAnErrorLine) {
  Decoded got = decode(R"({"message":{"content":"x"},"done":false})"
                       "\n"
                       R"({"error":"an error was encountered while running the model"})");
  ASSERT_FALSE(got.answer);
  EXPECT_EQ(got.answer.error().error.code, Code::kUnavailable);
  EXPECT_NE(got.answer.error().error.message.find("while running the model"), std::string::npos);
}

TEST(OllamaStream, RefusesGarbageAsCorrupt) {
  for (std::string_view wire : {"{", "nonsense\n", "[]\n",
                                R"({"message":{"content":"\ud800"}})"
                                "\n"}) {
    Decoded got = decode(wire);
    ASSERT_FALSE(got.answer) << wire;
    EXPECT_EQ(got.answer.error().error.code, Code::kCorrupt) << wire;
  }
}

TEST(LineReader, BoundsALine) {
  LineReader reader(8);
  std::vector<std::string> lines;
  EXPECT_TRUE(reader.feed("12345678\n1234", lines));
  EXPECT_TRUE(reader.feed("5678\n", lines));
  auto over = reader.feed("123456789", lines);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kCorrupt);
  EXPECT_EQ(lines, (std::vector<std::string>{"12345678", "12345678"}));
}

TEST(OllamaRequest, IsExactlyThis) {
  Request request;
  request.system = "You are Skep.";
  request.max_tokens = 64;
  request.tools = {{"calc", "Computes.", object_of(R"({"type":"object"})")}};
  request.messages = {
      {Role::kUser, {TextPart{"2+2?"}, ImagePart{"image/png", "\x89PNG"}}},
      {Role::kAssistant,
       {TextPart{"Let me see."}, ToolCall{"call_1", "calc", object_of(R"({"expr":"2+2"})"), ""}}},
      {Role::kUser, {ToolResult{"call_1", "calc", "", false}, TextPart{"quick"}}},
  };
  EXPECT_EQ(
      encode_ollama(request,
                    {.model = "llama3.2", .temperature = 0.0, .images = true, .num_ctx = 8192}),
      R"({"model":"llama3.2","stream":true,"options":{"num_ctx":8192,"num_predict":64,"temperature":0E0},"tools":[)"
      R"({"type":"function","function":{"name":"calc","description":"Computes.","parameters":{"type":"object"}}}],"messages":[)"
      R"({"role":"system","content":"You are Skep."},{"role":"user","content":"2+2?","images":["iVBORw=="]},)"
      R"({"role":"assistant","content":"Let me see.","tool_calls":[{"function":{"name":"calc","arguments":{"expr":"2+2"}}}]},)"
      R"x({"role":"tool","content":"(empty)","tool_name":"calc"},{"role":"user","content":"quick"}]})x");
  request.tools_allowed = false;
  json::value body = object_of(encode_ollama(request, {.model = "m"}));
  EXPECT_EQ(get_member(body, "tools"), nullptr);
}

}  // namespace
}  // namespace skep::llm
