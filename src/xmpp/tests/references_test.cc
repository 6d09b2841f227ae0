#include "skep/xmpp/references.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

Element message(std::string_view inside) {
  return parse_element(fmt::format("<message xmlns='jabber:client'>{}</message>", inside)).value();
}

TEST(References, ReadsWhatAMessageIsAbout) {
  EXPECT_EQ(read_references(message("<body>x</body>")), References{});
  EXPECT_EQ(read_references(message("<replace id='a' xmlns='urn:xmpp:message-correct:0'/>")),
            (References{.corrects = "a"}));
  EXPECT_EQ(read_references(message("<retract id='b' xmlns='urn:xmpp:message-retract:1'/>")),
            (References{.retracts = "b"}));
  EXPECT_EQ(read_references(message("<reply to='a@b' id='c' xmlns='urn:xmpp:reply:0'/>")),
            (References{.answers = "c"}));
  EXPECT_EQ(read_references(message("<replace id='a' xmlns='urn:foreign'/>")), References{});
}

TEST(References, ReactionsAreASetAndMayBeEmpty) {
  EXPECT_EQ(read_references(message("<reactions id='m' xmlns='urn:xmpp:reactions:0'><reaction>👍"
                                    "</reaction><reaction> 👍 </reaction><reaction>❤</reaction>"
                                    "<reaction/></reactions>")),
            (References{.reacts_to = "m", .reactions = {"👍", "❤"}}));
  EXPECT_EQ(read_references(message("<reactions id='m' xmlns='urn:xmpp:reactions:0'/>")),
            (References{.reacts_to = "m"}));
}

TEST(References, ReactionsAndIdsAreBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += fmt::format("<reaction>{}</reaction>", i);
  many += fmt::format("<reaction>{}</reaction>", std::string(1000, 'x'));
  const std::string xml = "<reactions id='m' xmlns='urn:xmpp:reactions:0'>" + many + "</reactions>";
  EXPECT_EQ(read_references(message(xml)).reactions.size(), kReactionsMax);
  const std::string id(kReferenceBytesMax + 1, 'x');
  EXPECT_EQ(
      read_references(message("<replace id='" + id + "' xmlns='urn:xmpp:message-correct:0'/>")),
      References{});
}

// One row: what is in <fallback/>, the body, and the two halves.
struct Row {
  const char* inside;
  const char* body;
  const char* text;
  const char* fallback;
};

TEST(References, TakesTheFallbackOutOfABody) {
  const Row rows[] = {
      {"<body start='0' end='7'/>", "> ünï \nyes", "yes", "> ünï \n"},
      {"<body start='2' end='3'/>", "a😀b😀c", "a😀😀c", "b"},
      {"<body start='0' end='2'/><body start='4' end='5'/>", "aabbc", "bb", "aac"},
      {"<body/>", "all of it", "", "all of it"},
      {"", "all of it", "", "all of it"},
      {"<subject/>", "kept", "kept", ""},
      {"<body start='3' end='99999999'/>", "abcdef", "abcdef", ""},
      {"<body start='3' end='2'/>", "abcdef", "abcdef", ""},
      {"<body start='-1' end='2'/>", "abcdef", "abcdef", ""},
      {"<body start='x' end='99999999999999999999999'/>", "abcdef", "abcdef", ""},
  };
  for (const Row& row : rows) {
    const Element stanza = message(fmt::format(
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>{}</fallback>", row.inside));
    EXPECT_EQ(without_fallback(stanza, row.body, kNsReply), (PlainBody{row.text, row.fallback}))
        << row.inside;
    EXPECT_EQ(without_fallback(stanza, row.body, kNsReactions), (PlainBody{row.body, ""}))
        << "it is for another feature";
  }
}

TEST(References, WhatWeMarkAsFallbackIsTakenOut) {
  Element message("message", std::string(kNsClient));
  message.add(fallback_for(kNsReply, 6));
  EXPECT_EQ(without_fallback(message, "> é ü\nyes", kNsReply), (PlainBody{"yes", "> é ü\n"}));
}

}  // namespace
}  // namespace skep::xmpp
