#include "info.h"

#include <gtest/gtest.h>

#include "skep/xmpp/agent_protocol.h"

namespace skep::federation {
namespace {

std::vector<std::string> values(const xmpp::Element& form, std::string_view name) {
  std::vector<std::string> out;
  for (const xmpp::Element* field : form.children()) {
    if (field->attribute("var") != name) continue;
    for (const xmpp::Element* value : field->children()) out.push_back(value->text());
  }
  return out;
}

TEST(InfoForm, SaysWhatAnAskerShouldKnow) {
  FederationConfig config;
  config.languages = {"en", "de"};
  config.contact = {"mailto:ops@b.example", "xmpp:bob@b.example"};
  config.payload_bytes_max = 2048;
  config.running_max = 3;
  const xmpp::Element form = info_form(config);
  using Texts = std::vector<std::string>;
  EXPECT_EQ(values(form, "FORM_TYPE"), Texts{std::string(xmpp::kNsAgentInfo)});
  EXPECT_EQ(values(form, "version"), Texts{"0"});
  EXPECT_EQ(values(form, "languages"), config.languages);
  EXPECT_EQ(values(form, "max_payload"), Texts{"2048"});
  EXPECT_EQ(values(form, "concurrency"), Texts{"3"});
  EXPECT_EQ(values(form, "auth"), Texts{"allowlist"});
  EXPECT_EQ(values(form, "omemo"), Texts{"false"});
  EXPECT_EQ(values(form, "contact"), config.contact);
}

TEST(InfoForm, LeavesOutWhatNobodyHasSaid) {
  const xmpp::Element form = info_form({});
  EXPECT_TRUE(values(form, "languages").empty());
  EXPECT_TRUE(values(form, "contact").empty());
  EXPECT_EQ(form.children().size(), 6u) << "no empty fields";
}

}  // namespace
}  // namespace skep::federation
