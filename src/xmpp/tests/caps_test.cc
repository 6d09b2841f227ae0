#include "skep/xmpp/caps.h"

#include <gtest/gtest.h>

#include "skep/xmpp/features.h"

namespace skep::xmpp {
namespace {

// The examples of XEP-0115 5.2 and 5.3.
TEST(Caps, GivesTheVersionsOfTheSpecification) {
  const Element simple = parse_element(
                             "<query xmlns='http://jabber.org/protocol/disco#info'>"
                             "<identity category='client' name='Exodus 0.9.1' type='pc'/>"
                             "<feature var='http://jabber.org/protocol/caps'/>"
                             "<feature var='http://jabber.org/protocol/disco#items'/>"
                             "<feature var='http://jabber.org/protocol/disco#info'/>"
                             "<feature var='http://jabber.org/protocol/muc'/></query>")
                             .value();
  EXPECT_EQ(caps_ver(simple), "QgayPKawpkPSDYmwT/WM94uAlu0=");
  const Element complex =
      parse_element(
          "<query xmlns='http://jabber.org/protocol/disco#info'>"
          "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
          "<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>"
          "<feature var='http://jabber.org/protocol/caps'/>"
          "<feature var='http://jabber.org/protocol/disco#info'/>"
          "<feature var='http://jabber.org/protocol/disco#items'/>"
          "<feature var='http://jabber.org/protocol/muc'/>"
          "<x xmlns='jabber:x:data' type='result'>"
          "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value>"
          "</field><field var='ip_version' type='text-multi'><value>ipv4</value>"
          "<value>ipv6</value></field><field var='os'><value>Mac</value></field>"
          "<field var='os_version'><value>10.5.1</value></field>"
          "<field var='software'><value>Psi</value></field>"
          "<field var='software_version'><value>0.11</value></field></x></query>")
          .value();
  EXPECT_EQ(caps_ver(complex), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

TEST(Caps, TheHashStandsForWhatDiscoAnswers) {
  const Features features(
      {.name_of = [](std::string_view address) { return std::string(address.substr(0, 3)); }});
  const Element caps = features.caps("bee@ex.test");
  EXPECT_NE(caps, features.caps("ant@ex.test")) << "each address has its own name";
  Element iq = parse_element("<iq from='ann@ex.test/a' to='bee@ex.test' type='get' id='1'/>",
                             "jabber:client")
                   .value();
  Element query("query", std::string(kNsDiscoInfo));
  const std::string node = fmt::format("{}#{}", caps.attribute("node"), caps.attribute("ver"));
  Element asked = iq;
  asked.add(query.set("node", node));
  const auto answer = features.answer(asked);
  ASSERT_TRUE(answer);
  const Element* info = answer->child("query", kNsDiscoInfo);
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->attribute("node"), node);
  EXPECT_EQ(caps_ver(*info), caps.attribute("ver"));
  Element other = iq;
  other.add(query.set("node", "urn:skep:agent#stale"));
  EXPECT_EQ(features.answer(other)->attribute("type"), "error");
}

}  // namespace
}  // namespace skep::xmpp
