#include "skep/xmpp/xml.h"

#include <gtest/gtest.h>

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kHead =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams' id='x&amp;y'>";

// What a stream gives: one line an event, the error last.
struct Outcome {
  std::string events;
  std::optional<Code> failure;
  bool operator==(const Outcome&) const = default;
};

void append_event(std::string& out, const StreamEvent& event) {
  if (const auto* open = std::get_if<StreamOpen>(&event)) {
    out += fmt::format("open {} id={}\n", open->header.name, open->header.attribute("id"));
  } else if (const auto* element = std::get_if<Element>(&event)) {
    out += to_xml(*element, "jabber:client") + "\n";
  } else {
    out += "close\n";
  }
}

Outcome feed_in_pieces(std::string_view xml, std::size_t piece, XmlLimits limits = {}) {
  StreamParser parser(limits);
  std::vector<StreamEvent> events;
  Outcome outcome;
  for (; !xml.empty(); xml.remove_prefix(std::min(piece, xml.size()))) {
    const auto fed = parser.feed(std::as_bytes(std::span(xml.substr(0, piece))), events);
    if (fed) continue;
    outcome.failure = fed.error().code;
    break;
  }
  for (const auto& event : events) append_event(outcome.events, event);
  return outcome;
}

// Whole and byte by byte must agree.
Outcome feed(std::string_view xml, XmlLimits limits = {}) {
  const Outcome whole = feed_in_pieces(xml, xml.size() + 1, limits);
  EXPECT_EQ(feed_in_pieces(xml, 1, limits).events, whole.events) << xml;
  EXPECT_EQ(feed_in_pieces(xml, 1, limits).failure, whole.failure) << xml;
  return whole;
}

TEST(StreamParser, GivesWholeStanzasInOrder) {
  const struct {
    std::string_view body;
    std::string_view events;
  } table[] = {
      {"", ""},
      {" \n ", ""},
      {"<a/>", "<a/>\n"},
      {"<a/><b/> <c/>\n", "<a/>\n<b/>\n<c/>\n"},
      {"<a>x<b>y</b>z</a>", "<a>x<b>y</b>z</a>\n"},
      {"<a>&lt;&amp;&gt;&#x20AC;&quot;&apos;</a>", "<a>&lt;&amp;&gt;€&quot;&apos;</a>\n"},
      {"<a><![CDATA[<x>&]]></a>", "<a>&lt;x&gt;&amp;</a>\n"},
      {"<a xmlns='urn:o'><b xmlns=''/></a>", "<a xmlns='urn:o'><b xmlns=''/></a>\n"},
      {"<p:a xmlns:p='urn:p' p:k='1' k='2' xml:lang='de'/>",
       "<a xmlns='urn:p' xmlns:n0='urn:p' n0:k='1' k='2' xml:lang='de'/>\n"},
      {"<a>ünïcödé 🐝</a>", "<a>ünïcödé 🐝</a>\n"},
      {"<stream:error/>", "<error xmlns='http://etherx.jabber.org/streams'/>\n"},
      {"<a/></stream:stream>", "<a/>\nclose\n"},
  };
  for (const auto& row : table) {
    const Outcome outcome = feed(std::string(kHead) + std::string(row.body));
    EXPECT_EQ(outcome.events, "open stream id=x&y\n" + std::string(row.events)) << row.body;
    EXPECT_EQ(outcome.failure, std::nullopt) << row.body;
  }
}

TEST(StreamParser, RefusesRestrictedAndBrokenXml) {
  const std::string_view table[] = {
      "<!-- c -->",
      "<a><!-- c --></a>",
      "<?php x?>",
      "<a><?x y?></a>",
      "<a>&eacute;</a>",
      "<a></b>",
      "<a k='1' k='2'/>",
      "<a k=1/>",
      "<q:a/>",
      "<a>\xFF</a>",
      "<a>\xC0\xAF</a>",
      "<a>\x01</a>",
      "<a>&#0;</a>",
      "<a>&#xFFFF;</a>",
      "text",
      "&lt;",
      "<a",
      "<a/></stream:stream><b/>",
      "<!DOCTYPE a>",
      "</wrong>",
  };
  for (const std::string_view body : table) {
    // A broken tail shows at the latest when something follows it.
    const Outcome outcome = feed(std::string(kHead) + std::string(body) + "</stream:stream>>");
    EXPECT_EQ(outcome.failure, Code::kCorrupt) << body;
  }
}

TEST(StreamParser, RefusesDeclarationsOfForeignKinds) {
  const std::string_view table[] = {
      "<!DOCTYPE s [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><s>&b;</s>",
      "<!DOCTYPE s SYSTEM 'file:///etc/passwd'><s/>",
      "<?xml version='1.0' encoding='iso-8859-1'?><s>",
      "<?xml-stylesheet href='x'?><s>",
      "garbage",
      "\xEF\xBB",
  };
  for (const std::string_view xml : table) {
    const Outcome outcome = feed(std::string(xml) + " >");
    EXPECT_EQ(outcome.failure, Code::kCorrupt) << xml;
    EXPECT_EQ(outcome.events, "") << xml;
  }
}

TEST(StreamParser, TakesAnXmlDeclarationAfterWhiteSpace) {
  EXPECT_EQ(feed("\n <?xml version='1.0' encoding='UTF-8'?><s id='1'>").events, "open s id=1\n");
}

TEST(StreamParser, CountsTheBytesOfEachStanza) {
  const XmlLimits limits{.stanza_bytes_max = 40};
  const std::string forty = "<a>" + std::string(33, 'x') + "</a>";
  ASSERT_EQ(forty.size(), 40u);
  const std::string head = "<s id=''>";
  EXPECT_EQ(feed(head + forty + "   \n" + forty + forty, limits).failure, std::nullopt);
  const std::string table[] = {
      "<a>" + std::string(34, 'x') + "</a>",
      "<a k='" + std::string(100, 'x'),  // a tag that never ends
      "<a><b/><b/><b/><b/><b/><b/><b/><b/><b/></a>",
      "<" + std::string(100, 'n'),
      "<a>&amp;&amp;&amp;&amp;&amp;&amp;&amp;&amp;</a>",
  };
  for (const auto& body : table) {
    EXPECT_EQ(feed(head + forty + body, limits).failure, Code::kTooLarge) << body;
  }
  EXPECT_EQ(feed("<s k='" + std::string(100, 'x'), limits).failure, Code::kTooLarge);
}

TEST(StreamParser, WhiteSpaceBetweenStanzasNeverAddsUp) {
  const XmlLimits limits{.stanza_bytes_max = 64};
  EXPECT_EQ(feed("<s id=''>" + std::string(10'000, ' ') + "<a/>", limits).failure, std::nullopt);
}

TEST(StreamParser, BoundsDepthAndAttributes) {
  const XmlLimits limits{.depth_max = 3, .attributes_max = 2};
  EXPECT_EQ(feed("<s><a><b><c/></b></a>", limits).failure, std::nullopt);
  EXPECT_EQ(feed("<s><a><b><c><d/></c></b></a>", limits).failure, Code::kTooLarge);
  EXPECT_EQ(feed("<s><a k='1' l='2'/>", limits).failure, std::nullopt);
  EXPECT_EQ(feed("<s><a k='1' l='2' m='3'/>", limits).failure, Code::kTooLarge);
}

// Found by fuzzing: expat follows these signs into UTF-16 although it was told UTF-8.
TEST(StreamParser, RefusesUtf16HoweverItAnnouncesItself) {
  using namespace std::string_view_literals;
  for (const std::string_view start :
       {"<\0s\0>\0"sv, "q\0>|-"sv, "\xFF\xFE<\0s\0>\0"sv, "\xFE\xFF\0<\0s\0>"sv}) {
    for (const std::size_t piece : {start.size(), std::size_t{1}}) {
      StreamParser parser;
      std::vector<StreamEvent> events;
      Result<void> fed;
      for (std::size_t at = 0; at < start.size() && fed; at += piece) {
        fed = parser.feed(std::as_bytes(std::span(start.substr(at, piece))), events);
      }
      ASSERT_FALSE(fed);
      EXPECT_EQ(fed.error().code, Code::kCorrupt);
      EXPECT_TRUE(events.empty());
    }
  }
}

TEST(StreamParser, StaysFailed) {
  StreamParser parser;
  std::vector<StreamEvent> events;
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  EXPECT_FALSE(parser.feed(bytes("<s><!-- -->"), events));
  EXPECT_FALSE(parser.feed(bytes("<a/>"), events));
  EXPECT_EQ(events.size(), 1u);
}

TEST(Xml, SerialisesWhatItParsed) {
  const std::string_view table[] = {"<a/>", "<a k='&apos;&quot;&lt;&#10;&#9;'>x</a>",
                                    "<a xmlns='urn:a'><b xmlns='urn:b'/>t<c/></a>",
                                    "<a>one<b/>two<b/>three</a>"};
  for (const std::string_view xml : table) EXPECT_EQ(to_xml(parse_element(xml).value()), xml);
}

TEST(Xml, NoTextCanBreakAStream) {
  using namespace std::string_view_literals;
  Element element("body");
  element.text(std::string("a\0b\x01\x1F\x7F\xFF\xED\xA0\x80\xEF\xBF\xBF]]></body><x>\r\n\t"sv));
  element.set("k", std::string("'\"<\r\n\t\0\xC3"sv));
  const auto back = parse_element(to_xml(element));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->attribute("k"), "'\"<\r\n\t\uFFFD\uFFFD");
  EXPECT_TRUE(back->text().ends_with("]]></body><x>\r\n\t"));
  EXPECT_TRUE(is_valid_utf8(back->text()));
}

TEST(Xml, ElementsCompareAsValues) {
  EXPECT_EQ(parse_element("<a k='1' l='2'><b/></a>"), parse_element("<a l='2' k='1'><b/></a>"));
  EXPECT_NE(parse_element("<a><b/></a>"), parse_element("<a><b>x</b></a>"));
  EXPECT_NE(parse_element("<a xmlns='urn:x'/>"), parse_element("<a/>"));
}

TEST(Xml, ParseElementWantsExactlyOne) {
  for (const std::string_view xml :
       {"", "  ", "<a/><b/>", "<a>", "<a/></stream><b/>", "<a/>x", "</stream>"}) {
    EXPECT_FALSE(parse_element(xml)) << xml;
  }
  EXPECT_EQ(parse_element(" <a/> ", "urn:it's")->ns, "urn:it's");
}

TEST(Xml, FindsChildrenByNameAndNamespace) {
  const Element element =
      parse_element("<m><x xmlns='urn:a'>1</x><x xmlns='urn:b'>2</x></m>").value();
  EXPECT_EQ(element.child_text("x", "urn:b"), "2");
  EXPECT_EQ(element.child("x", ""), nullptr);
  EXPECT_EQ(element.first_child()->ns, "urn:a");
  EXPECT_EQ(element.children().size(), 2u);
}

TEST(Xml, SetReplaces) {
  Element element("a");
  element.set("k", "1").set("k", "2");
  EXPECT_EQ(to_xml(element), "<a k='2'/>");
  EXPECT_TRUE(element.has_attribute("k"));
  EXPECT_FALSE(element.has_attribute("l"));
}

}  // namespace
}  // namespace skep::xmpp
