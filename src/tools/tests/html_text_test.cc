#include <gtest/gtest.h>

#include "skep/base/text.h"
#include "skep/tools/builtin.h"

namespace skep::tools {
namespace {

constexpr std::string_view kBase = "https://example.org/docs/page.html?x=1#top";

std::string text_of(std::string_view html) { return html_to_text(html, kBase, 20'000); }

struct Case {
  const char* html;
  const char* text;
};

TEST(HtmlText, KeepsWhatAReaderSees) {
  const Case cases[] = {
      {"", ""},
      {"plain words", "plain words"},
      {"<p>one<p>two", "one\n\ntwo"},
      {"<p>one\n  two\t three</p>", "one two three"},
      {"a<br>b<br/>c", "a\nb\nc"},
      {"<h1>Title</h1><p>text<h3>Sub</h3>more", "# Title\n\ntext\n\n### Sub\n\nmore"},
      {"<title>Page</title><body>text", "# Page\n\ntext"},
      {"<ul><li>a<li>b</ul>", "- a\n- b"},
      {"<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "1. a\n2. b\n  - c"},
      {"<table><tr><th>Name<th>Age<tr><td>Ann</td><td>7</td></tr></table>", "Name | Age\nAnn | 7"},
      {"<pre>a\n  b</pre>", "a\n  b"},
      {"x<script>alert('<p>no</p>')</script>y", "xy"},
      {"x<style>p{}</style >y<noscript>on</noscript>", "xy"},
      {"<p>x<!-- no <p> --></p>", "x"},
      {"<div hidden>no<div>no</div></div>yes", "yes"},
      {"<p style='Display : None'>no<p>yes", "yes"},
      {"<span aria-hidden=\"true\">no</span>yes", "yes"},
      {"<img alt='a bee' src=x> <img src=y>", "[image: a bee]"},
      {"a &amp; b &lt;c&gt; &#65;&#x42; &eacute; &nbsp;&hellip; &unknown; &",
       "a & b <c> AB \u00e9 \u2026 &unknown; &"},
      {"&#0;&#xd800;&#x110000;", "\ufffd\ufffd\ufffd"},
      {"1 < 2 and <3", "1 < 2 and <3"},
      {"<p", ""},
      {"<p>a</p", "a"},
      {"<a href=/x", ""},
      {"<!doctype html><?php no ?>yes", "yes"},
      {"<textarea><b>raw</b></textarea>", "<b>raw</b>"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.html);
    EXPECT_EQ(text_of(one.html), one.text);
  }
}

TEST(HtmlText, WritesLinksWithWholeAddresses) {
  const Case cases[] = {
      {"<a href='https://a.example/x?y=1&amp;z=2'>go</a>", "[go](https://a.example/x?y=1&z=2)"},
      {"see <a href=other.html>this <b>page</b> </a>now",
       "see [this page](https://example.org/docs/other.html) now"},
      {"<a href='../up/./x'>u</a>", "[u](https://example.org/up/x)"},
      {"<a href='../../../x'>u</a>", "[u](https://example.org/x)"},
      {"<a href='/root?q'>r</a>", "[r](https://example.org/root?q)"},
      {"<a href='//cdn.example/x'>c</a>", "[c](https://cdn.example/x)"},
      {"<a href='?p=2'>next</a>", "[next](https://example.org/docs/page.html?p=2)"},
      {"<a href='#below'>skip</a>", "skip"},
      {"<a href='javascript:alert(1)'>no</a>", "no"},
      {"<a href='mailto:ann@example.org'>mail</a>", "[mail](mailto:ann@example.org)"},
      {"<a href='/x'></a>end", "end"},
      {"<a name=here>anchor</a>", "anchor"},
      {"<a href='https://a.example/'>https://a.example/</a>", "https://a.example/"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.html);
    EXPECT_EQ(text_of(one.html), one.text);
  }
}

TEST(HtmlText, CutsLongPagesWithANote) {
  std::string html = "<p>";
  for (int i = 0; i < 5000; ++i) html += "w\u00f6rd ";
  std::string text = html_to_text(html, kBase, 1000);
  EXPECT_TRUE(text.contains("[cut here: the first ")) << text;
  EXPECT_LT(text.size(), 1100u);
}

TEST(HtmlText, HostilePagesCostNoMoreThanTheirLength) {
  std::string deep, unclosed, formatting;
  for (int i = 0; i < 50'000; ++i) {
    deep += "<div><ul><b>";
    unclosed += "<script";
    formatting += fmt::format("<b a{}>x", i % 1000);
  }
  EXPECT_EQ(text_of(deep), "");
  EXPECT_EQ(text_of(unclosed), "");
  EXPECT_FALSE(text_of(formatting).empty());
  std::string comments;
  for (int i = 0; i < 50'000; ++i) comments += "<!--<title>&#x";
  EXPECT_EQ(text_of(comments), "");
}

TEST(HtmlText, AnyMixtureOfPiecesIsSurvived) {
  const char* pieces[] = {
      "<",      ">",       "</",       "/>",    "<!--",       "-->",    "<a href=",
      "\"",     "'",       "=",        " ",     "&",          "&#x41;", "p",
      "script", "<title>", "<ul><li>", "</ul>", "<pre>",      "hidden", "<div hidden>",
      "</div>", "<td>",    "\xff",     "\n",    "<textarea>", "x"};
  std::uint32_t seed = 7;
  auto draw = [&seed](std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
  };
  for (int round = 0; round < 3000; ++round) {
    std::string html;
    for (std::uint32_t i = draw(40); i > 0; --i) html += pieces[draw(std::size(pieces))];
    EXPECT_TRUE(is_valid_utf8(text_of(html)));
  }
}

TEST(HtmlText, BrokenUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(text_of("a\xff"
                    "b"),
            "a\ufffd"
            "b");
}

}  // namespace
}  // namespace skep::tools
