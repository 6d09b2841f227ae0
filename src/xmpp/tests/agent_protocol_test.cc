#include "skep/xmpp/agent_protocol.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

constexpr std::size_t kPayload = 1000;

Element parse(std::string_view xml) { return parse_element(xml, kNsClient).value(); }
template <class T>
Code code_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Code::kInternal : result.error().code;
}

TEST(AgentProtocol, ReadsAnExecuteAsItWasDrafted) {
  const auto request =
      read_execute(parse("<execute xmlns='urn:fluux:agent:0#execute' skill='open_tickets'>"
                         "<param name='team'>support</param><param name='max'>5</param></execute>"),
                   kPayload);
  ASSERT_TRUE(request);
  EXPECT_EQ(*request, (ExecuteRequest{.skill = "open_tickets",
                                      .params = {{"team", "support"}, {"max", "5"}}}));
}

TEST(AgentProtocol, WritesWhatItReads) {
  const ExecuteRequest request{.skill = "s",
                               .params = {{"a", "1"}},
                               .input = R"({"b":2})",
                               .exec_id = "e7",
                               .timeout_secs = 60,
                               .lang = "de",
                               .reply = ReplyMode::kAsync};
  EXPECT_EQ(read_execute(to_element(request), kPayload).value(), request);
  const ExecResult result{.skill = "s",
                          .exec_id = "e7",
                          .status = ExecStatus::kFailed,
                          .outputs = {{"text/plain", "half"}},
                          .usage = ExecUsage{812, 95, 1840},
                          .error = AgentError{AgentFault::kTimeout, "too slow"}};
  EXPECT_EQ(read_exec_result(to_element(result)).value(), result);
  const ExecProgress progress{.exec_id = "e8", .seq = 2, .percent = 40, .text = "fetching"};
  EXPECT_EQ(read_exec_progress(to_element(progress)).value(), progress);
  const AgentConfirm confirm{.id = "act-41",
                             .action = "send_email",
                             .fields = {{"to", "x@ex"}, {"subject", "Hello"}},
                             .risk = "medium",
                             .expires = parse_rfc3339("2026-03-02T08:00:00Z")};
  EXPECT_EQ(read_agent_confirm(to_element(confirm)).value(), confirm);
  const AgentConfirmed confirmed{.id = "act-41", .approve = true, .remember = "skill"};
  EXPECT_EQ(read_agent_confirmed(to_element(confirmed)).value(), confirmed);
}

TEST(AgentProtocol, OutputsMayLieElsewhereAndCostMoney) {
  const ExecResult result{
      .skill = "s",
      .exec_id = "e7",
      .status = ExecStatus::kCompleted,
      .outputs = {{"text/plain", "half", "", "", 9000},
                  {"application/json", "", "https://up.example/1", std::string(64, 'a'), 183'040}},
      .usage = ExecUsage{812, 95, 1840, kUsd / 100}};
  EXPECT_EQ(read_exec_result(to_element(result)).value(), result);
  const auto read = [](const std::string& output) {
    return read_exec_result(parse("<result xmlns='urn:fluux:agent:0#execute' status='completed'>" +
                                  output + "</result>"));
  };
  const auto both = read(
      "<output type='text/plain' href='https://up.example/1'>words<hash "
      "xmlns='urn:xmpp:hashes:2' algo='md5'>AAAA</hash></output>");
  EXPECT_TRUE(both->outputs.front().text.empty()) << "either a text or an address";
  EXPECT_TRUE(both->outputs.front().sha256.empty()) << "an algorithm that is not ours";
  EXPECT_EQ(code_of(read("<output type='t' size='-1'/>")), Code::kInvalid);
  EXPECT_EQ(code_of(read("<output type='t' href='" + std::string(5000, 'a') + "'/>")),
            Code::kTooLarge);
  EXPECT_EQ(code_of(read("<usage usd='cheap'/>")), Code::kInvalid);
}

TEST(AgentProtocol, ABudgetIsReadAndTheNarrowerOneCounts) {
  ExecuteRequest request{.skill = "s"};
  request.budget = {
      .tokens = 500, .usd = kUsd / 20, .deadline = parse_rfc3339("2026-03-02T08:00:00Z")};
  EXPECT_EQ(read_execute(to_element(request), kPayload).value(), request);
  for (const char* bad : {"tokens='0'", "tokens='-5'", "usd='0'", "usd='1e3'", "deadline='soon'"}) {
    const auto read = read_execute(
        parse(fmt::format(
            "<execute xmlns='urn:fluux:agent:0#execute' skill='s'><budget {}/></execute>", bad)),
        kPayload);
    EXPECT_EQ(code_of(read), Code::kInvalid) << bad;
  }
  const ExecBudget tokens{.tokens = 100}, money{.usd = 5};
  EXPECT_EQ(narrower(tokens, money), (ExecBudget{.tokens = 100, .usd = 5}));
  EXPECT_EQ(narrower({.tokens = 100, .usd = 9}, {.tokens = 50, .usd = 10}),
            (ExecBudget{.tokens = 50, .usd = 9}));
  const auto early = parse_rfc3339("2026-03-02T08:00:00Z"),
             late = parse_rfc3339("2026-03-02T09:00:00Z");
  EXPECT_EQ(narrower({.deadline = late}, {.deadline = early}).deadline, early);
  EXPECT_EQ(narrower({}, {.deadline = late}).deadline, late);
}

TEST(AgentProtocol, ParamsGoOverTheInputAndTakeTheTypeOfTheSchema) {
  const json::value schema =
      parse_json(R"({"type":"object","properties":{"n":{"type":"integer"},"t":{"type":"string"}}})")
          .value();
  const ExecuteRequest request{.skill = "s",
                               .params = {{"n", "5"}, {"t", "7"}, {"u", "true"}},
                               .input = R"({"n":1,"v":[2]})"};
  EXPECT_EQ(to_json(arguments_of(request, schema).value()),
            R"({"n":5,"v":[2],"t":"7","u":"true"})");
  EXPECT_EQ(code_of(arguments_of({.skill = "s", .input = "[1]"}, schema)), Code::kInvalid);
}

TEST(AgentProtocol, RefusesExecutesOverItsLimits) {
  ExecuteRequest request{.skill = "s", .params = {{"a", std::string(kPayload + 1, 'x')}}};
  EXPECT_EQ(code_of(read_execute(to_element(request), kPayload)), Code::kTooLarge);
  request.params.assign(AgentLimits::kParamsMax + 1, {"a", ""});
  EXPECT_EQ(code_of(read_execute(to_element(request), kPayload)), Code::kTooLarge);
  request = {.skill = "s", .exec_id = std::string(AgentLimits::kIdBytesMax + 1, 'e')};
  EXPECT_EQ(code_of(read_execute(to_element(request), kPayload)), Code::kTooLarge);
  for (std::string_view attributes :
       {"", "skill=''", "skill='s' timeout='0'", "skill='s' timeout='x'", "skill='s' reply='never'",
        "skill='s' exec-id=''"}) {
    const Element bad = parse(fmt::format("<execute xmlns='{}' {}/>", kNsAgentExecute, attributes));
    EXPECT_EQ(code_of(read_execute(bad, kPayload)), Code::kInvalid) << attributes;
  }
}

TEST(AgentProtocol, ADelegationWrapsAnExecuteOrATask) {
  AgentDelegation delegation{
      .depth = 1,
      .depth_max = 3,
      .chain = {"a.ex", "team@b.ex"},
      .origin = "ann@a.ex",
      .budget = {.tokens = 5000, .deadline = parse_rfc3339("2026-03-02T08:00:00Z")},
      .work = {.skill = "ask", .params = {{"task", "2+2?"}}, .exec_id = "e1", .timeout_secs = 30}};
  Element element = to_element(delegation);
  EXPECT_NE(element.child("task", kNsAgentDelegate), nullptr);
  EXPECT_EQ(read_delegation(element, kPayload).value(), delegation);
  delegation.work = {.skill = "open_tickets", .params = {{"max", "5"}}};
  element = to_element(delegation);
  EXPECT_NE(element.child("execute", kNsAgentExecute), nullptr);
  EXPECT_EQ(read_delegation(element, kPayload).value(), delegation);
}

TEST(AgentProtocol, RefusesDelegationsThatHideWhereTheyComeFrom) {
  for (std::string_view attributes :
       {"depth='1' max-depth='2'", "depth='1' max-depth='2' chain=''",
        "depth='0' max-depth='2' chain='a.ex'", "max-depth='2' chain='a.ex'",
        "depth='1' max-depth='2' chain='a@@b'"}) {
    const Element bad = parse(fmt::format("<delegate xmlns='{}' {}><task>x</task></delegate>",
                                          kNsAgentDelegate, attributes));
    EXPECT_EQ(code_of(read_delegation(bad, kPayload)), Code::kInvalid) << attributes;
  }
  std::string chain;
  for (std::size_t i = 0; i <= AgentLimits::kChainMax; ++i) chain += "a.ex ";
  const Element long_chain =
      parse(fmt::format("<delegate xmlns='{}' depth='1' max-depth='2' chain='{}'><task>x</task>"
                        "</delegate>",
                        kNsAgentDelegate, chain));
  EXPECT_EQ(code_of(read_delegation(long_chain, kPayload)), Code::kTooLarge);
  const Element both = parse(
      fmt::format("<delegate xmlns='{}' depth='1' max-depth='2' chain='a.ex'/>", kNsAgentDelegate));
  EXPECT_EQ(code_of(read_delegation(both, kPayload)), Code::kInvalid);
}

TEST(AgentProtocol, AnErrorSaysBothConditions) {
  const Element request = parse("<iq type='set' id='x1' from='a@ex/1' to='b.ex'/>");
  const AgentError error{AgentFault::kRateLimited, "slower, please", 30};
  const Element answer = agent_error(request, error);
  EXPECT_EQ(answer.attribute("to"), "a@ex/1");
  EXPECT_NE(to_xml(answer).find("<resource-constraint"), std::string::npos);
  EXPECT_EQ(read_agent_error(answer), error);
  EXPECT_EQ(read_agent_error(stanza_error(request, "forbidden", "auth")), std::nullopt);
  EXPECT_EQ(agent_fault_of({Code::kExhausted, "resource-constraint (rate-limited): slower"}),
            AgentFault::kRateLimited);
  EXPECT_EQ(agent_fault_of({Code::kExhausted, "resource-constraint: slower"}), std::nullopt);
}

TEST(AgentProtocol, EveryFaultHasAName) {
  for (int i = 0; i <= static_cast<int>(AgentFault::kFailed); ++i) {
    const auto fault = static_cast<AgentFault>(i);
    EXPECT_EQ(agent_fault_from(agent_fault_name(fault)), fault);
  }
  EXPECT_EQ(agent_fault_from("bored"), std::nullopt);
}

TEST(AgentProtocol, ACatalogueComesInPages) {
  SkillsPage page{.ver = "8f2c",
                  .skills = {{.id = "open_tickets",
                              .version = "1.2",
                              .cost = "low",
                              .name = "Open tickets",
                              .description = "Lists open support tickets",
                              .schema = R"({"type":"object"})"}},
                  .total = 1};
  EXPECT_EQ(read_skills_page(to_element(page)).value(), page);
  page.total = 120;
  EXPECT_EQ(read_skills_page(to_element(page)).value(), page);
  const SkillsQuery query{.ver = "8f2c", .after = "open_tickets", .max = 10};
  EXPECT_EQ(read_skills_query(to_element(query)).value(), query);
  EXPECT_EQ(read_skills_query(to_element(SkillsQuery())).value(), SkillsQuery());
  SkillsPage large;
  large.skills.assign(AgentLimits::kSkillsMax + 1, AgentSkill{.id = "s"});
  EXPECT_EQ(code_of(read_skills_page(to_element(large))), Code::kTooLarge);
}

TEST(AgentProtocol, ResultsAreBounded) {
  ExecResult result{.exec_id = "e", .status = ExecStatus::kCompleted};
  result.outputs.push_back({"text/plain", std::string(AgentLimits::kResultBytesMax + 1, 'x')});
  EXPECT_EQ(code_of(read_exec_result(to_element(result))), Code::kTooLarge);
  result.outputs.assign(AgentLimits::kOutputsMax + 1, {"text/plain", ""});
  EXPECT_EQ(code_of(read_exec_result(to_element(result))), Code::kTooLarge);
  EXPECT_EQ(code_of(read_exec_result(
                parse("<result xmlns='urn:fluux:agent:0#execute' status='great'/>"))),
            Code::kInvalid);
}

}  // namespace
}  // namespace skep::xmpp
