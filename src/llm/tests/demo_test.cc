#include <gtest/gtest.h>

#include "decode.h"
#include "drivers.h"
#include "skep/async/loop.h"

namespace skep::llm {
namespace {

Request asking(std::string_view text) {
  Request request;
  request.tools = {
      {"memory_recall", "",
       object_of(R"({"type":"object","properties":{"query":{"type":"string"}}})")},
      {"memory_store", "",
       object_of(
           R"({"type":"object","properties":{"key":{"type":"string"},"content":{"type":"string"}}})")},
      {"web_fetch", "",
       object_of(
           R"({"type":"object","properties":{"url":{"type":"string"},"id":{"type":"string"}}})")}};
  request.messages = {{Role::kUser, {TextPart{std::string(text)}}}};
  return request;
}

struct Outcome {
  Response response;
  Seen seen;
};

Outcome ask(const Request& request) {
  Loop loop;
  auto driver = open_demo();
  Outcome out;
  auto answer = loop.run(driver->attempt(Ctx{}, request, out.seen.sink()));
  EXPECT_TRUE(answer.has_value());
  if (answer) out.response = *std::move(answer);
  return out;
}

std::string says(std::string_view text) {
  Outcome out = ask(asking(text));
  EXPECT_EQ(out.seen.text, text_of(out.response.parts));
  EXPECT_EQ(out.response.stop, StopReason::kEnd);
  return out.seen.text;
}

TEST(Demo, CallsAToolAsTold) {
  const std::vector<std::tuple<std::string, std::string, std::string>> table = {
      {R"(call web_fetch {"url":"http://x/"})", "web_fetch", R"({"url":"http://x/"})"},
      {R"(call web_fetch url=http://x/?a=b n=2 deep=true id=7 title="two words")", "web_fetch",
       R"({"url":"http://x/?a=b","n":2,"deep":true,"id":"7","title":"two words"})"},
      {"Use web_fetch", "web_fetch", "{}"},
      {"romeo: call web_fetch url=u", "web_fetch", R"({"url":"u"})"},
      {"remember that my colour is dark blue.", "memory_store",
       R"({"key":"my colour","content":"dark blue"})"},
      {"What is my colour?", "memory_recall", R"({"query":"my colour"})"},
      {"recall my colour", "memory_recall", R"({"query":"my colour"})"},
  };
  for (const auto& [text, tool, arguments] : table) {
    Outcome out = ask(asking(text));
    ASSERT_EQ(out.response.parts.size(), 1u) << text;
    const auto* call = std::get_if<ToolCall>(&out.response.parts[0]);
    ASSERT_NE(call, nullptr) << text;
    EXPECT_EQ(call->name, tool) << text;
    EXPECT_EQ(call->arguments, object_of(arguments)) << text;
    EXPECT_EQ(call->arguments_error, "") << text;
    EXPECT_EQ(out.response.stop, StopReason::kToolUse);
    EXPECT_EQ(out.seen.tools, std::vector<std::string>{tool});
  }
}

TEST(Demo, PassesBrokenArgumentsOnAsARealModelWould) {
  Outcome out = ask(asking("call web_fetch {url"));
  EXPECT_FALSE(std::get<ToolCall>(out.response.parts.at(0)).arguments_error.empty());
}

TEST(Demo, FollowsSimpleInstructions) {
  EXPECT_EQ(says("say good  morning\nall"), "good  morning\nall");
  EXPECT_EQ(says("count to 5"), "1 2 3 4 5");
  EXPECT_EQ(says("count to 100000"), "I count to 1000 at most.");
}

TEST(Demo, NamesItsToolsWhenAskedForAnother) {
  EXPECT_EQ(says("call rm x=1"),
            "There is no tool named \"rm\". I can call: memory_recall, memory_store, web_fetch.");
}

TEST(Demo, CallsNothingWhenCallsAreForbidden) {
  for (std::string_view text : {"call web_fetch", "remember that a is b", "recall a"}) {
    Request request = asking(text);
    request.tools_allowed = false;
    Outcome out = ask(request);
    EXPECT_EQ(out.response.stop, StopReason::kEnd) << text;
    EXPECT_FALSE(out.seen.text.empty());
  }
}

TEST(Demo, AnswersWithTheResultOfItsCall) {
  Request request = asking("call web_fetch");
  request.messages.push_back({Role::kAssistant, {ToolCall{"c", "web_fetch", json::object{}, ""}}});
  request.messages.push_back({Role::kUser, {ToolResult{"c", "web_fetch", "the page", false}}});
  EXPECT_EQ(ask(request).seen.text, "the page");
  request.messages.back().parts = {ToolResult{"c", "web_fetch", "no route", true}};
  EXPECT_EQ(ask(request).seen.text, "web_fetch failed: no route");
}

TEST(Demo, SaysWhatItIsAndHowToGetAModel) {
  std::string text = says("hello there");
  EXPECT_NE(text.find("built-in demo model, not a language model"), std::string::npos);
  EXPECT_NE(text.find("hello there"), std::string::npos);
  EXPECT_NE(text.find("ANTHROPIC_API_KEY"), std::string::npos);
  EXPECT_EQ(open_demo()->describe(), "demo (built in, no language model)");
}

TEST(Demo, StreamsWordByWordAndStopsWhenToldTo) {
  Loop loop;
  auto driver = open_demo();
  std::stop_source stop;
  std::vector<std::string> pieces;
  EventSink sink = [&](const StreamEvent& event) {
    if (event.type != StreamEvent::Type::kTextDelta) return;
    pieces.emplace_back(event.text);
    if (pieces.size() == 3) stop.request_stop();
  };
  Request request = asking("count to 100");
  Ctx ctx{.stop = stop.get_token()};
  auto answer = loop.run(driver->attempt(ctx, request, sink));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kCancelled);
  EXPECT_TRUE(answer.error().streamed);
  EXPECT_EQ(pieces, (std::vector<std::string>{"1 ", "2 ", "3 "}));
}

}  // namespace
}  // namespace skep::llm
