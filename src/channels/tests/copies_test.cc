#include "../src/copies.h"

#include <gtest/gtest.h>

namespace skep::channels {
namespace {

using xmpp::Element;
using How = Unwrapped::How;

const xmpp::Jid kAccount = xmpp::Jid::parse("bot@ex").value();
constexpr std::string_view kInner =
    "<message xmlns='jabber:client' from='ann@ex/a' to='bot@ex/x' id='1'><body>hi</body></message>";

Element wrapped(std::string_view kind, std::string_view attributes, std::string_view inside) {
  const std::string delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
  const bool archived = kind == "result";
  return xmpp::parse_element(
             fmt::format("<message xmlns='jabber:client' {}><{} xmlns='{}' queryid='q' id='a7'>"
                         "<forwarded xmlns='urn:xmpp:forward:0'>{}{}</forwarded></{}></message>",
                         attributes, kind, archived ? "urn:xmpp:mam:2" : "urn:xmpp:carbons:2",
                         archived ? delay : "", inside, kind))
      .value();
}

TEST(Copies, AMessageOfItsOwnStaysAsItIs) {
  const Element plain = xmpp::parse_element(kInner).value();
  const auto out = unwrap(plain, kAccount);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->how, How::kDirect);
  EXPECT_EQ(out->stanza, plain);
}

TEST(Copies, OurServersWrappersComeOff) {
  for (const std::string_view from : {"from='bot@ex'", ""}) {
    EXPECT_EQ(unwrap(wrapped("received", from, kInner), kAccount).value().how,
              How::kReceivedCarbon);
    EXPECT_EQ(unwrap(wrapped("sent", from, kInner), kAccount).value().how, How::kSentCarbon);
    const Unwrapped archived = unwrap(wrapped("result", from, kInner), kAccount).value();
    EXPECT_EQ(archived.how, How::kArchived);
    EXPECT_EQ(archived.query, "q");
    EXPECT_EQ(archived.archive_id, "a7");
    EXPECT_EQ(archived.stanza.attribute("id"), "1");
    EXPECT_EQ(archived.stanza.child("delay", xmpp::kNsDelay)->attribute("stamp"),
              "2026-01-01T00:00:00Z");
  }
}

TEST(Copies, WrappersOfAnybodyElseAreForged) {
  for (const char* kind : {"received", "sent", "result"}) {
    for (const char* from : {"from='eve@ex/x'", "from='ex'", "from='bot@ex/phone'",
                             "from='bot@ex.evil'", "from='@@'"}) {
      const auto out = unwrap(wrapped(kind, from, kInner), kAccount);
      ASSERT_FALSE(out) << kind << " " << from;
      EXPECT_EQ(out.error().code, Code::kDenied);
    }
    EXPECT_EQ(unwrap(wrapped(kind, "", kInner), xmpp::Jid()).error().code, Code::kDenied)
        << "a component has no copies";
  }
}

TEST(Copies, ACopyOfNothingIsNone) {
  for (const char* inside : {"", "<presence xmlns='jabber:client'/>", "<message xmlns='urn:x'/>"})
    EXPECT_EQ(unwrap(wrapped("received", "", inside), kAccount).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace skep::channels
