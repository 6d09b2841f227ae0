// What the model says to us in its answer, and what it claims.
#include "directives.h"

#include <gtest/gtest.h>

#include "claims.h"

namespace skep::agent {
namespace {

TEST(Directives, AreTakenOutOfTheText) {
  const Directives said = directives_in("[[reply:42]] hi [[x]]");
  EXPECT_EQ(said.text, "hi [[x]]");
  EXPECT_EQ(said.reply_to, "42");
  EXPECT_FALSE(said.silent);
  EXPECT_EQ(directives_in("[[@current]] yes").reply_to, "@current");
  EXPECT_EQ(directives_in("see [[Bees]] and [[reply:]] and [[").text,
            "see [[Bees]] and [[reply:]] and [[");
}

TEST(Directives, SilenceHasThreeNames) {
  for (const char* text :
       {"NO_REPLY", " NO_REPLY\n", "[silent]", "[SILENT]", "[[silent]]", "well [[silent]]"}) {
    EXPECT_TRUE(directives_in(text).silent) << text;
    EXPECT_EQ(directives_in(text).text, "") << text;
  }
  for (const char* text : {"no_reply", "NO_REPLY needed", "silent", "[silent] night"})
    EXPECT_FALSE(directives_in(text).silent) << text;
}

std::string watched(std::string_view text, std::size_t piece) {
  DirectiveFilter filter;
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece)
    out += filter.feed(text.substr(at, piece));
  return out + filter.finish();
}

TEST(Directives, AreNotSeenWhileTheAnswerIsWritten) {
  for (std::size_t piece : {1u, 2u, 3u, 7u, 200u}) {
    EXPECT_EQ(watched("NO_REPLY", piece), "");
    EXPECT_EQ(watched("[silent]\n", piece), "");
    EXPECT_EQ(watched("[[reply:42]]hi [[x]] [y] [[z", piece), "hi [[x]] [y] [[z");
    EXPECT_EQ(watched("NO_REPLYING is fine", piece), "NO_REPLYING is fine");
    EXPECT_EQ(watched("  \nNOthing", piece), "  \nNOthing");
    const std::string long_one = "[[" + std::string(300, 'x') + "]]";
    EXPECT_EQ(watched(long_one, piece), long_one);
  }
}

TEST(Claims, OfHavingSentSomethingAreFound) {
  for (const char* text :
       {"I've sent the message to your Telegram.", "I have posted it in the channel",
        "Done! The email has been sent.", "I just messaged the room.",
        "I’ve forwarded your e-mail.", "Message was successfully sent."})
    EXPECT_TRUE(claims_to_have_sent(text)) << text;
  for (const char* text :
       {"An email is sent over SMTP.", "Shall I send the message?", "I sent nothing.",
        "You sent me a message.", "I was present in the room.",
        "I've looked at it. The channel is quiet.", ""})
    EXPECT_FALSE(claims_to_have_sent(text)) << text;
}

}  // namespace
}  // namespace skep::agent
