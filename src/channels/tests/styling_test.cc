#include "../src/styling.h"

#include <gtest/gtest.h>

namespace skep::channels {
namespace {

struct Case {
  const char* markdown;
  const char* styled;
};

TEST(Styling, RewritesWhatModelsWrite) {
  const Case cases[] = {
      {"plain text", "plain text"},
      {"a **bold** word", "a *bold* word"},
      {"a __bold__ word", "a *bold* word"},
      {"an *italic* word", "an _italic_ word"},
      {"an _italic_ word", "an _italic_ word"},
      {"***both***", "*_both_*"},
      {"**bold with *italic* inside**", "*bold with _italic_ inside*"},
      {"~~gone~~", "~gone~"},
      {"~one tilde~", "~one tilde~"},
      {"# Title", "*Title*"},
      {"### Title ###", "*Title*"},
      {"## **Title**", "*Title*"},
      {"#hashtag", "#hashtag"},
      {"[text](https://ex.org/a_(b))", "text (https://ex.org/a_(b))"},
      {"[https://ex.org](https://ex.org)", "https://ex.org"},
      {"[text](https://ex.org \"A title\")", "text (https://ex.org)"},
      {"![a cat](https://ex.org/cat.png)", "a cat (https://ex.org/cat.png)"},
      {"<https://ex.org/x>", "https://ex.org/x"},
      {"[no link] (here)", "[no link] (here)"},
      {"* item **one**", "- item *one*"},
      {"  + item", "  - item"},
      {"- item", "- item"},
      {"1. item", "1. item"},
      {"***", "---"},
      {"> quoted **text**", "> quoted *text*"},
      {"`**not bold**`", "`**not bold**`"},
      {"``one ` tick``", "``one ` tick``"},
      {"`` code ``", "`code`"},
      {"snake_case_name", "snake_case_name"},
      {"2*3*4", "2*3*4"},
      {"2 * 3 * 4", "2 * 3 * 4"},
      {"**unclosed", "**unclosed"},
      {"\\*not italic\\*", "*not italic*"},
      {"C:\\dir", "C:\\dir"},
      {"这是**重点**内容", "这是*重点*内容"},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(to_styling(c.markdown), c.styled) << c.markdown;
}

TEST(Styling, KeepsFencedCodeByteForByte) {
  EXPECT_EQ(
      to_styling("Before **b**\n```cpp\nint *a, *b; // **x**\n# no heading\n```\nafter **b**"),
      "Before *b*\n```cpp\nint *a, *b; // **x**\n# no heading\n```\nafter *b*");
}

TEST(Styling, MakesEveryFenceOneThatClientsKnow) {
  EXPECT_EQ(to_styling("~~~\n*x*\n~~~"), "```\n*x*\n```");
  EXPECT_EQ(to_styling("- item\n  ```sh\n  ls *\n  ```\n**b**"), "- item\n```sh\n  ls *\n```\n*b*");
}

TEST(Styling, TakesAFenceOnOneLineForInlineCode) {
  EXPECT_EQ(to_styling("```x```\n**b**"), "`x`\n*b*");
}

TEST(Styling, KeepsLineBreaks) { EXPECT_EQ(to_styling("a\n\nb\n"), "a\n\nb\n"); }

TEST(Styling, TakesPathologicalInputWithoutHarm) {
  for (const char* piece : {"*a ", "[", "![](", "`", "_x", "**", "<https://", "\\", "> "}) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += piece;
    EXPECT_FALSE(to_styling(text).empty()) << piece;
  }
}

}  // namespace
}  // namespace skep::channels
