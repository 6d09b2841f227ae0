#include <gtest/gtest.h>

#include "endpoint.h"
#include "model_server.h"

namespace skep::llm {
namespace {

Decoded decode(std::string_view wire, std::size_t piece = 0) {
  return decode_sse(gemini_decoder, wire, piece);
}

std::string chunk(std::string_view parts, std::string_view rest = "") {
  return fmt::format(
      "data: "
      "{{\"candidates\":[{{\"content\":{{\"parts\":[{}],\"role\":\"model\"}},\"index\":0{}}}],"
      "\"modelVersion\":\"gemini-2.5-flash-001\"}}\r\n\r\n",
      parts, rest);
}

constexpr std::string_view kStop = R"(,"finishReason":"STOP")";

TEST(GeminiStream, GivesTextUsageAndModelHoweverTheBytesAreCut) {
  std::string wire = chunk(R"({"text":"Grüß dich, "})") + chunk(R"({"text":"世界 🐝"})", kStop);
  wire +=
      "data: {\"usageMetadata\":{\"promptTokenCount\":120,\"cachedContentTokenCount\":100,"
      "\"candidatesTokenCount\":8,\"thoughtsTokenCount\":3}}\n\n";
  for (std::size_t piece : {0, 1, 2, 5, 64}) {
    Decoded got = decode(wire, piece);
    ASSERT_TRUE(got.answer) << got.answer.error().error.message;
    EXPECT_EQ(got.answer->parts, std::vector<Part>{TextPart{"Grüß dich, 世界 🐝"}});
    EXPECT_EQ(got.seen.text, "Grüß dich, 世界 🐝");
    EXPECT_EQ(got.answer->usage, (Usage{.input = 20, .output = 11, .cache_read = 100}));
    EXPECT_EQ(got.answer->model, "gemini-2.5-flash-001");
    EXPECT_EQ(got.answer->stop_detail, "STOP");
  }
}

TEST(GeminiStream, CallsGetIdsOfTheirOwnAndKeepTheirSignatures) {
  Decoded got =
      decode(chunk(R"({"text":"hm","thought":true},{"text":"Let me look."})") +
             chunk(R"({"functionCall":{"name":"calc","args":{"a":1}},"thoughtSignature":"c2ln"},)"
                   R"({"functionCall":{"name":"calc"}})",
                   kStop));
  ASSERT_TRUE(got.answer) << got.answer.error().error.message;
  EXPECT_EQ(got.seen.thinking, "hm");
  EXPECT_EQ(got.seen.tools, (std::vector<std::string>{"calc", "calc"}));
  EXPECT_EQ(got.answer->stop, StopReason::kToolUse);
  ASSERT_EQ(got.answer->parts.size(), 4u);
  const auto first = std::get<ToolCall>(got.answer->parts[1]);
  const auto second = std::get<ToolCall>(got.answer->parts[3]);
  EXPECT_EQ(first.arguments, object_of(R"({"a":1})"));
  EXPECT_EQ(second.arguments, object_of("{}"));
  EXPECT_NE(first.id, second.id);
  const Part signature =
      OpaquePart{"gemini", json::object{{"call", first.id}, {"signature", "c2ln"}}};
  EXPECT_EQ(got.answer->parts[2], signature);
}

TEST(GeminiStream, EveryEndHasItsReason) {
  struct Case {
    std::string_view word;
    StopReason stop;
  };
  for (auto [word, stop] : {Case{"STOP", StopReason::kEnd},
                            {"MAX_TOKENS", StopReason::kMaxTokens},
                            {"SAFETY", StopReason::kRefusal},
                            {"RECITATION", StopReason::kRefusal},
                            {"OTHER", StopReason::kUnknown}}) {
    Decoded got = decode(chunk(R"({"text":"x"})", fmt::format(R"(,"finishReason":"{}")", word)));
    ASSERT_TRUE(got.answer) << word;
    EXPECT_EQ(got.answer->stop, stop) << word;
  }
  Decoded blocked = decode("data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n");
  ASSERT_TRUE(blocked.answer);
  EXPECT_EQ(blocked.answer->stop, StopReason::kRefusal);
  EXPECT_EQ(blocked.answer->stop_detail, "SAFETY");
}

TEST(GeminiStream, WhatIsNoWholeAnswerFails) {
  struct Case {
    std::string wire;
    Code code;
    bool again;
  };
  const std::string opening = chunk(R"({"text":"x"})");
  for (const Case& one : {
           Case{"", Code::kUnavailable, true},
           {opening, Code::kUnavailable, true},
           {opening + "data: {\"candid\n\n", Code::kCorrupt, true},
           {opening + "data: [1]\n\n", Code::kCorrupt, true},
           {opening + "data: {\"error\":{\"code\":503,\"message\":\"The model is "
                      "overloaded.\",\"status\":\"UNAVAILABLE\"}}\n\n",
            Code::kUnavailable, true},
           {opening + "data: {\"error\":{\"code\":429,\"message\":\"Quota.\",\"status\":\"RESOURCE_"
                      "EXHAUSTED\"}}\n\n",
            Code::kExhausted, true},
           {chunk("", R"(,"finishReason":"MALFORMED_FUNCTION_CALL")"), Code::kCorrupt, true},
       }) {
    Decoded got = decode(one.wire);
    ASSERT_FALSE(got.answer) << one.wire;
    EXPECT_EQ(got.answer.error().error.code, one.code) << got.answer.error().error.message;
    EXPECT_EQ(got.answer.error().retryable, one.again) << one.wire;
  }
}

Request two_rounds() {
  Request request;
  request.system = "Be kind.";
  request.messages = {
      {Role::kUser, {TextPart{"2+2, and a look"}, ImagePart{"image/png", "PNG"}}},
      {Role::kAssistant,
       {TextPart{"Let me see."},
        OpaquePart{"gemini", json::object{{"call", ""}, {"signature", "dA=="}}},
        OpaquePart{"anthropic", json::object{{"type", "thinking"}}},
        ToolCall{"a", "calc", object_of(R"({"expr":"2+2"})"), ""},
        OpaquePart{"gemini", json::object{{"call", "a"}, {"signature", "Yw=="}}},
        ToolCall{"b", "calc", object_of(R"({"expr":"x"})"), ""}}},
      {Role::kUser,
       {TextPart{"and?"}, ToolResult{"a", "calc", "4", false}, ToolResult{"b", "calc", "", true}}}};
  request.tools = {
      ToolSpec{"calc", "Calculates.",
               object_of(R"({"type":"object","properties":{"expr":{"type":"string"}}})")}};
  request.max_tokens = 100;
  return request;
}

TEST(GeminiRequest, SaysItAllInTheirWords) {
  const std::string body =
      encode_gemini(two_rounds(), {.model = "gemini-2.5-pro", .temperature = 0.5, .images = true});
  EXPECT_EQ(object_of(body), object_of(R"j({
    "systemInstruction":{"parts":[{"text":"Be kind."}]},
    "contents":[
      {"role":"user","parts":[{"text":"2+2, and a look"},
                              {"inlineData":{"mimeType":"image/png","data":"UE5H"}}]},
      {"role":"model","parts":[{"text":"Let me see.","thoughtSignature":"dA=="},
        {"functionCall":{"name":"calc","args":{"expr":"2+2"}},"thoughtSignature":"Yw=="},
        {"functionCall":{"name":"calc","args":{"expr":"x"}}}]},
      {"role":"user","parts":[
        {"functionResponse":{"name":"calc","response":{"result":"4"}}},
        {"functionResponse":{"name":"calc","response":{"error":"(empty)"}}},
        {"text":"and?"}]}],
    "tools":[{"functionDeclarations":[{"name":"calc","description":"Calculates.",
      "parameters":{"type":"object","properties":{"expr":{"type":"string"}}}}]}],
    "generationConfig":{"maxOutputTokens":100,"temperature":0.5}})j"));
}

TEST(GeminiRequest, ForbidsCallsAndDescribesPicturesThatTheModelDoesNotTake) {
  Request request = two_rounds();
  request.tools_allowed = false;
  const json::value body = object_of(encode_gemini(request, {.model = "gemini-x"}));
  EXPECT_EQ(to_json(*get_member(body, "toolConfig")),
            R"({"functionCallingConfig":{"mode":"NONE"}})");
  EXPECT_EQ(to_json(body).find("inlineData"), std::string::npos);
  EXPECT_NE(to_json(body).find("this model takes no images"), std::string::npos);
}

TEST(GeminiRequest, SchemasHoldOnlyWhatTheApiTakes) {
  Request request = Bench::hello();
  request.tools = {
      ToolSpec{"none", "No parameters.",
               object_of(R"({"type":"object","properties":{},"additionalProperties":false})")},
      ToolSpec{"some", "Some.", object_of(R"({
        "$schema":"x","type":"object","additionalProperties":false,"required":["a"],
        "properties":{"a":{"type":["string","null"],"default":"q","minLength":1},
          "type":{"const":"k"},
          "list":{"type":"array","items":{"oneOf":[{"type":"integer","exclusiveMinimum":0},
                                                   {"type":"string","$comment":"c"}]}}}})")}};
  const json::value body = object_of(encode_gemini(request, {.model = "gemini-x"}));
  EXPECT_EQ(*get_member(body, "tools"), object_of(R"({"t":[{"functionDeclarations":[
    {"name":"none","description":"No parameters."},
    {"name":"some","description":"Some.","parameters":{"type":"object","required":["a"],
      "properties":{"a":{"type":"string","nullable":true,"minLength":1},
        "type":{"enum":["k"]},
        "list":{"type":"array","items":{"anyOf":[{"type":"integer"},{"type":"string"}]}}}}}]}]})")
                                            .at("t"));
}

TEST(GeminiUrl, NamesModelAndCallAndNoKey) {
  EXPECT_EQ(*gemini_url("", "gemini-2.5-pro"),
            "https://generativelanguage.googleapis.com/v1beta/models/"
            "gemini-2.5-pro:streamGenerateContent?alt=sse");
  EXPECT_EQ(*gemini_url("http://gw:8080/v1beta/", "models/g-1"),
            "http://gw:8080/v1beta/models/g-1:streamGenerateContent?alt=sse");
  for (std::string_view bad : {"", "a/b", "a?key=1", "../x"}) {
    EXPECT_FALSE(gemini_url("", bad)) << bad;
  }
}

TEST(GeminiDriver, PutsTheKeyIntoAHeaderOnly) {
  Bench bench({.provider = "gemini", .model = "gemini-2.5-flash", .retries = 0});
  bench.server.answers({.headers = {{"Content-Type", "text/event-stream"}},
                        .pieces = {chunk(R"({"text":"Hello."})", kStop)}});
  auto answer = bench.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(text_of(answer->parts), "Hello.");
  const net::ServerRequest& request = bench.server.requests.at(0);
  EXPECT_EQ(request.path, "/v1beta/models/gemini-2.5-flash:streamGenerateContent");
  EXPECT_EQ(request.query.find("sk-test"), std::string::npos);
  EXPECT_EQ(net::find_header(request.headers, "x-goog-api-key"), "sk-test-0123456789abcdef");
}

TEST(GeminiDriver, TellsABadKeyFromABadRequest) {
  for (auto [message, code] : std::vector<std::pair<std::string, Code>>{
           {"API key not valid. Please pass a valid API key.", Code::kUnauthenticated},
           {"Invalid JSON payload received.", Code::kInvalid}}) {
    Bench bench({.provider = "gemini", .model = "gemini-2.5-flash", .retries = 0});
    const json::object error{{"code", 400}, {"message", message}, {"status", "INVALID_ARGUMENT"}};
    bench.server.answers({.status = 400, .pieces = {to_json(json::object{{"error", error}})}});
    auto answer = bench.ask();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.code, code) << answer.error().error.message;
  }
}

}  // namespace
}  // namespace skep::llm
