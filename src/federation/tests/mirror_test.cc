// Skills as forms: what a schema asks for, and what a form says of it.
#include "mirror.h"

#include <gtest/gtest.h>

namespace skep::federation {
namespace {

using xmpp::Element;

xmpp::AgentSkill skill(std::string schema) {
  return {.id = "do_it", .name = "Do it", .description = "Does it.", .schema = std::move(schema)};
}

constexpr const char* kAll = R"({"type":"object","required":["who"],"properties":{
  "who":{"type":"string","description":"Whom"},"how_often":{"type":"integer"},
  "loud":{"type":"boolean"},"words":{"type":"array"},"more":{"type":"object"},
  "tone":{"type":"string","enum":["kind","dry",7]}}})";

Element submit(std::string_view fields) {
  return xmpp::parse_element(fmt::format("<x xmlns='jabber:x:data' type='submit'>{}</x>", fields),
                             xmpp::kNsClient)
      .value();
}

std::map<std::string, std::string> params_of(const xmpp::ExecuteRequest& request) {
  return {request.params.begin(), request.params.end()};
}

TEST(Mirror, ASchemaIsAFormWithAFieldForEachProperty) {
  const xmpp::DataForm form = form_of(skill(kAll));
  EXPECT_EQ(form.title, "Do it");
  EXPECT_EQ(form.instructions, "Does it.");
  std::map<std::string, std::string> kinds;
  for (const xmpp::FormField& field : form.fields) {
    kinds[field.var] = field.type + " " + field.label;
    EXPECT_EQ(field.required, field.var == "who") << field.var;
    if (field.var == "tone") EXPECT_EQ(field.options.size(), 2u) << "7 is no word to choose";
  }
  const std::map<std::string, std::string> expected{
      {"who", "text-single Whom"},        {"how_often", "text-single how often"},
      {"loud", "boolean loud"},           {"words", "text-multi words (one a line)"},
      {"more", "text-multi more (JSON)"}, {"tone", "list-single tone"}};
  EXPECT_EQ(kinds, expected);
}

TEST(Mirror, ASchemaThatIsNoneAsksForNothing) {
  for (const char* schema : {"", "{", "[]", "7", R"({"properties":[]})", R"({"properties":{}})"})
    EXPECT_TRUE(form_of(skill(schema)).fields.empty()) << schema;
  std::string many = R"({"properties":{)";
  for (int i = 0; i < 200; ++i) many += fmt::format(R"({}"p{}":{{}})", i == 0 ? "" : ",", i);
  EXPECT_EQ(form_of(skill(many + "}}")).fields.size(), xmpp::kFormFieldsMax);
}

TEST(Mirror, AFormSaysWhatAnExecuteWould) {
  const auto request = request_of(
      skill(kAll), submit("<field var='FORM_TYPE'><value>x</value></field>"
                          "<field var='who'><value>ann</value></field>"
                          "<field var='how_often'><value> </value></field>"
                          "<field var='loud'><value>1</value></field>"
                          "<field var='words'><value>one</value><value> </value><value>two</value>"
                          "</field><field var='more'><value>{\"a\":1}</value></field>"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->skill, "do_it");
  const std::map<std::string, std::string> expected{
      {"who", "ann"}, {"loud", "true"}, {"words", R"(["one","two"])"}, {"more", R"({"a":1})"}};
  EXPECT_EQ(params_of(*request), expected);
  const auto arguments = xmpp::arguments_of(*request, parse_json(kAll).value());
  ASSERT_TRUE(arguments);
  EXPECT_EQ(to_json(*arguments),
            R"({"loud":true,"more":{"a":1},"who":"ann","words":["one","two"]})");
}

TEST(Mirror, AListAsJsonStaysOneAndAFalseBoxIsFalse) {
  const auto request =
      request_of(skill(kAll), submit("<field var='words'><value>[\"a\"]</value></field>"
                                     "<field var='loud'><value>yes</value></field>"
                                     "<field var='unknown'><value>x</value></field>"));
  ASSERT_TRUE(request);
  const std::map<std::string, std::string> expected{
      {"words", R"(["a"])"}, {"loud", "false"}, {"unknown", "x"}};
  EXPECT_EQ(params_of(*request), expected) << "what is unknown is the desk's to refuse";
}

TEST(Mirror, WhatIsNoFormIsRefused) {
  const auto refused = [](const Element& form) {
    return request_of(skill(kAll), form).error().code;
  };
  Element cancelled = submit("");
  cancelled.set("type", "cancel");
  EXPECT_EQ(refused(cancelled), Code::kInvalid);
  EXPECT_EQ(refused(Element("x", "urn:other")), Code::kInvalid);
  EXPECT_EQ(refused(submit(
                fmt::format("<field var='{}'><value>1</value></field>", std::string(129, 'n')))),
            Code::kInvalid);
  EXPECT_EQ(refused(submit("<field><value>1</value></field>")), Code::kInvalid);
  std::string fields;
  for (int i = 0; i < 100; ++i)
    fields += fmt::format("<field var='f{}'><value>1</value></field>", i);
  EXPECT_EQ(refused(submit(fields)), Code::kTooLarge);
  EXPECT_EQ(
      refused(submit("<field var='who'><value>" + std::string(70'000, 'x') + "</value></field>")),
      Code::kTooLarge);
}

TEST(Mirror, AResultIsANoteOrAnError) {
  const Element iq = xmpp::parse_element(
                         "<iq type='set' id='1' from='ann@a/x' to='bot@b'><command "
                         "xmlns='http://jabber.org/protocol/commands' node='n'/></iq>",
                         xmpp::kNsClient)
                         .value();
  const auto note = [&](const xmpp::ExecResult& result) {
    const Element answer = command_result(iq, result);
    const Element* command = answer.child("command", xmpp::kNsCommands);
    EXPECT_NE(command, nullptr);
    EXPECT_EQ(command->attribute("status"), "completed");
    EXPECT_EQ(command->attribute("node"), "urn:fluux:agent:0#skill/do_it");
    EXPECT_EQ(command->attribute("sessionid"), "e1");
    return command->child_text("note", xmpp::kNsCommands);
  };
  xmpp::ExecResult result{.skill = "do_it", .exec_id = "e1"};
  result.status = xmpp::ExecStatus::kCompleted;
  result.outputs = {{"application/json", "{}"}, {"text/plain", "Done."}};
  EXPECT_EQ(note(result), "Done.");
  result.outputs = {{"application/json", R"({"open":3})"}};
  EXPECT_EQ(note(result), R"({"open":3})") << "better than nothing";
  result.outputs = {{.type = "text/plain", .text = {}, .href = "https://up.example/1.txt"}};
  EXPECT_EQ(note(result), "https://up.example/1.txt");
  result.outputs.clear();
  EXPECT_EQ(note(result), "It is completed.");
  result.status = xmpp::ExecStatus::kNeedsConfirmation;
  EXPECT_TRUE(note(result).starts_with("A person is asked first"));
  result.status = xmpp::ExecStatus::kRunning;
  EXPECT_TRUE(note(result).starts_with("It takes a while"));
  result.error = xmpp::AgentError{xmpp::AgentFault::kTimeout, "too long"};
  EXPECT_EQ(command_result(iq, result).attribute("type"), "error");
}

}  // namespace
}  // namespace skep::federation
