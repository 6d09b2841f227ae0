#include "skep/xmpp/dataform.h"

#include <gtest/gtest.h>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {
namespace {

using Values = std::map<std::string, std::string>;

Element parsed(std::string_view xml) { return parse_element(xml, kNsClient).value(); }

TEST(DataForm, ReadsWhatWasFilledIn) {
  const auto values = read_submit(
      parsed("<x xmlns='jabber:x:data' type='submit'><field var='a'><value>1</value></field>"
             "<field var='b'><value>x</value><value>y</value></field><field var='c'/></x>"));
  ASSERT_TRUE(values) << values.error().to_string();
  EXPECT_EQ(*values, (Values{{"a", "1"}, {"b", "x\ny"}, {"c", ""}}));
}

TEST(DataForm, RefusesWhatIsNoSubmittedFormOrTooLarge) {
  EXPECT_EQ(read_submit(parsed("<x xmlns='jabber:x:data' type='form'/>")).error().code,
            Code::kInvalid);
  EXPECT_EQ(read_submit(parsed("<x xmlns='urn:x' type='submit'/>")).error().code, Code::kInvalid);
  std::string many = "<x xmlns='jabber:x:data' type='submit'>";
  for (std::size_t i = 0; i <= kFormFieldsMax; ++i) many += fmt::format("<field var='f{}'/>", i);
  EXPECT_EQ(read_submit(parsed(many + "</x>")).error().code, Code::kTooLarge);
  const std::string huge = fmt::format(
      "<x xmlns='jabber:x:data' type='submit'><field var='a'><value>{}</value></field></x>",
      std::string(kFormValueBytesMax + 1, 'a'));
  EXPECT_EQ(read_submit(parsed(huge)).error().code, Code::kTooLarge);
}

TEST(AdHoc, ReadsARequestAndBuildsItsAnswer) {
  const Element iq = parsed(
      "<iq from='ann@ex/a' to='bot.ex' type='set' id='1'><command "
      "xmlns='http://jabber.org/protocol/commands' node='ping' sessionid='s' action='complete'>"
      "<x xmlns='jabber:x:data' type='submit'/></command></iq>");
  const auto request = read_command(iq);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->node, "ping");
  EXPECT_EQ(request->session, "s");
  EXPECT_EQ(request->action, "complete");
  EXPECT_TRUE(request->form);
  const std::string answer = to_xml(
      command_answer(iq, {.node = "ping", .session = "s", .status = "completed", .note = "pong"}),
      kNsClient);
  EXPECT_EQ(answer,
            "<iq from='bot.ex' to='ann@ex/a' id='1' type='result'><command "
            "xmlns='http://jabber.org/protocol/commands' node='ping' sessionid='s' "
            "status='completed'><note type='info'>pong</note></command></iq>");
  EXPECT_FALSE(
      read_command(parsed("<iq type='get'><command "
                          "xmlns='http://jabber.org/protocol/commands' node='x'/></iq>")));
}

}  // namespace
}  // namespace skep::xmpp
