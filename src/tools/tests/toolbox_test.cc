#include "skep/tools/toolbox.h"

#include <gtest/gtest.h>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/tools/builtin.h"

namespace skep::tools {
namespace {

class ScriptedTool : public Tool {
 public:
  explicit ScriptedTool(std::string name, std::string_view schema = R"({"type":"object"})") {
    spec_ = {std::move(name), "A tool.", *parse_json(schema)};
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  [[nodiscard]] bool only_shows() const override { return shows; }
  [[nodiscard]] std::chrono::milliseconds timeout() const override { return limit; }
  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    ++runs;
    last = std::move(arguments);
    if (!waits) co_return ToolOutput{text, false};
    Signal never;
    Result<void> waited = co_await never.wait(context.ctx);
    co_return ToolOutput{"stopped", !waited.has_value()};
  }
  int runs = 0;
  bool waits = false;
  bool shows = false;
  std::string text = "fine";
  json::object last;
  std::chrono::milliseconds limit{60'000};

 private:
  llm::ToolSpec spec_;
};

class ToolboxTest : public testing::Test {
 protected:
  ScriptedTool* add(std::string name, std::string_view schema = R"({"type":"object"})") {
    auto tool = std::make_unique<ScriptedTool>(std::move(name), schema);
    ScriptedTool* raw = tool.get();
    EXPECT_TRUE(toolbox.add(std::move(tool)));
    return raw;
  }
  ToolOutput call(std::string name, json::value arguments, Ctx ctx = {}) {
    ToolCall wanted{.id = "c1", .name = std::move(name), .arguments = std::move(arguments)};
    return loop.run(toolbox.call({.ctx = std::move(ctx), .turn = "t1", .call_id = "c1"}, wanted));
  }
  Loop loop;
  Toolbox toolbox;
};

TEST_F(ToolboxTest, RunsAToolWithItsArguments) {
  ScriptedTool* tool = add("echo");
  ToolOutput output = call("echo", json::object{{"a", 1}});
  EXPECT_EQ(output.text, "fine");
  EXPECT_FALSE(output.is_error);
  EXPECT_EQ(tool->last, (json::object{{"a", 1}}));
}

TEST_F(ToolboxTest, RefusesBadNamesAndSchemasAndTakenNames) {
  add("echo");
  EXPECT_EQ(toolbox.add(std::make_unique<ScriptedTool>("echo")).error().code, Code::kExists);
  for (const char* name : {"", "Echo", "a b", "a-b", "caf\u00e9"}) {
    EXPECT_EQ(toolbox.add(std::make_unique<ScriptedTool>(name)).error().code, Code::kInvalid)
        << name;
  }
  EXPECT_EQ(toolbox.add(std::make_unique<ScriptedTool>(std::string(65, 'a'))).error().code,
            Code::kInvalid);
  for (const char* schema : {"[]", "7", R"({"type":5})", R"({"properties":[]})"}) {
    EXPECT_EQ(toolbox.add(std::make_unique<ScriptedTool>("x", schema)).error().code, Code::kInvalid)
        << schema;
  }
}

TEST_F(ToolboxTest, ListsToolsByName) {
  add("zebra");
  add("ant");
  auto specs = toolbox.specs();
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[0].name, "ant");
  EXPECT_NE(toolbox.find("zebra"), nullptr);
  EXPECT_EQ(toolbox.find("bee"), nullptr);
}

TEST_F(ToolboxTest, ArgumentsMustFitTheSchema) {
  ScriptedTool* tool =
      add("strict", R"({"type":"object","properties":{"n":{"type":"integer","minimum":1},
      "unit":{"enum":["m","ft"]},"list":{"type":"array","items":{"type":"string"}}},"required":["n"],"additionalProperties":false})");
  struct Case {
    const char* arguments;
    const char* complaint;  // nullptr: fits
  };
  const Case cases[] = {{R"({"n":1})", nullptr},
                        {R"({"n":2,"unit":"ft","list":["a"]})", nullptr},
                        {R"({})", "Missing required property 'n'"},
                        {R"({"n":0})", "\n/n: "},
                        {R"({"n":"1"})", "\n/n: "},
                        {R"({"n":1.5})", "\n/n: "},
                        {R"({"n":1,"unit":"km"})", "\n/unit: "},
                        {R"({"n":1,"list":["a",2]})", "\n/list/1: "},
                        {R"({"n":1,"other":true})", "'other'"},
                        {R"([1])", "must be a JSON object"}};
  int runs = 0;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.arguments);
    ToolOutput output = call("strict", *parse_json(one.arguments));
    EXPECT_EQ(output.is_error, one.complaint != nullptr) << output.text;
    if (one.complaint != nullptr) EXPECT_TRUE(output.text.contains(one.complaint)) << output.text;
    runs += one.complaint == nullptr ? 1 : 0;
    EXPECT_EQ(tool->runs, runs);
  }
}

TEST_F(ToolboxTest, ModelsAreToldOfASchemaWithoutWhatOnlyTheCheckNeeds) {
  add("long",
      R"({"type":"object","properties":{"minimum":{"type":"string","minLength":1,"maxLength":400},
      "n":{"type":"integer","minimum":0,"maximum":9},"code":{"type":"string","minLength":2,"maxLength":8},
      "list":{"type":"array","items":{"type":"object","properties":{},"additionalProperties":false}},
      "any":{"anyOf":[{"type":"string","minLength":1},{"type":"number","minimum":5}]}},
      "required":["n"],"additionalProperties":false})");
  EXPECT_EQ(
      toolbox.specs()[0].input_schema.text(),
      R"({"type":"object","properties":{"minimum":{"type":"string"},"n":{"type":"integer","maximum":9},)"
      R"("code":{"type":"string","minLength":2,"maxLength":8},)"
      R"("list":{"type":"array","items":{"type":"object","properties":{}}},)"
      R"("any":{"anyOf":[{"type":"string"},{"type":"number","minimum":5}]}},"required":["n"]})");
  EXPECT_TRUE(call("long", *parse_json(R"({"n":1,"x":1})")).is_error) << "the check is whole";
}

TEST_F(ToolboxTest, WhatOnlyShowsIsForModelsThatSee) {
  add("read");
  auto tool = std::make_unique<ScriptedTool>("look");
  tool->shows = true;
  ASSERT_TRUE(toolbox.add(std::move(tool)));
  EXPECT_EQ(toolbox.specs().size(), 2u);
  ASSERT_EQ(toolbox.specs(/*sees_images=*/false).size(), 1u);
  EXPECT_EQ(toolbox.specs(/*sees_images=*/false)[0].name, "read");
}

TEST_F(ToolboxTest, OneFaultIsOneLine) {
  add("strict",
      R"({"type":"object","properties":{"list":{"type":"array","items":{"type":"string"}}}})");
  EXPECT_EQ(call("strict", *parse_json(R"({"list":[1]})")).text,
            "The arguments do not fit the tool's schema:\n/list/0: Value type not permitted by "
            "'type' constraint.");
}

TEST_F(ToolboxTest, UnknownToolsAndBrokenJsonAreExplained) {
  add("ant");
  EXPECT_EQ(call("fly", json::object()).text, "There is no tool \"fly\"; the tools are: ant.");
  ToolCall broken{.id = "c", .name = "ant", .arguments_error = "unexpected end at byte 7"};
  ToolOutput output = loop.run(toolbox.call({}, broken));
  EXPECT_TRUE(output.is_error);
  EXPECT_TRUE(output.text.contains("unexpected end at byte 7"));
}

TEST_F(ToolboxTest, LongResultsAreCutInTheMiddle) {
  ScriptedTool* tool = add("long");
  tool->text =
      "HEAD" + std::string(200'000, '\xc3') + "TAIL";  // broken UTF-8 grows when it is mended
  ToolOutput output = call("long", json::object());
  EXPECT_LE(output.text.size(), result_bytes_max);
  EXPECT_TRUE(output.text.starts_with("HEAD"));
  EXPECT_TRUE(output.text.ends_with("TAIL"));
  EXPECT_TRUE(output.text.contains("left out here"));
}

TEST_F(ToolboxTest, ASlowToolEndsAtItsLimit) {
  ScriptedTool* tool = add("slow");
  tool->waits = true;
  tool->limit = std::chrono::milliseconds(1);
  ToolOutput output = call("slow", json::object());
  EXPECT_TRUE(output.is_error);
  EXPECT_TRUE(output.text.contains("No result within")) << output.text;
}

TEST_F(ToolboxTest, ACancelledToolSaysThatItMayHaveHappened) {
  ScriptedTool* tool = add("slow");
  tool->waits = true;
  std::stop_source stop;
  loop.post([&stop] { stop.request_stop(); });
  ToolOutput output = call("slow", json::object(), Ctx{.stop = stop.get_token()});
  EXPECT_TRUE(output.is_error);
  EXPECT_TRUE(output.text.contains("may or may not have happened"));
}

struct FixedClock : Clock {
  [[nodiscard]] WallTime now() const override { return *parse_rfc3339("2026-03-02T08:00:00Z"); }
};

TEST_F(ToolboxTest, SystemTimeTellsTheTime) {
  FixedClock clock;
  ASSERT_TRUE(toolbox.add(make_system_time(clock)));
  json::value time = *parse_json(call("system_time", json::object()).text);
  EXPECT_EQ(get_string(time, "utc"), "2026-03-02T08:00:00Z");
  EXPECT_EQ(get_int(time, "epoch"), 1772438400);
  auto local = parse_rfc3339(get_string(time, "local"));
  EXPECT_EQ(local, clock.now());
  EXPECT_FALSE(get_string(time, "zone").empty());
  EXPECT_FALSE(get_string(time, "weekday").empty());
}

}  // namespace
}  // namespace skep::tools
