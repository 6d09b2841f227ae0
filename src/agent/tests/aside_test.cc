#include "skep/model/aside.h"

#include "support.h"

namespace skep::agent {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

class AsideTest : public AgentFixture {
 protected:
  static Message aside(Aside::What what, std::string text, std::string about = {}) {
    Message message = user_message(std::move(text));
    put_aside(message, {what, std::move(about)});
    return message;
  }
  static Message known_as(std::string foreign_id, std::string text) {
    Message message = user_message(std::move(text));
    message.foreign_id = std::move(foreign_id);
    return message;
  }
  // "one" is being answered, "two" and "three" wait.
  void three_messages() {
    model.says("first");
    model.scenes.back().hold = true;
    ASSERT_TRUE(agent->deliver(known_as("m1", "one")));
    ASSERT_TRUE(agent->deliver(known_as("m2", "two")));
    ASSERT_TRUE(agent->deliver(known_as("m3", "three")));
    run_until([this] { return model.held == 1; });
  }
};

TEST_F(AsideTest, WhatIsOnlyHeardIsInTheNextPromptAndGetsNoAnswer) {
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kHeard, "I will be in Rome")));
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kSaid, "have a good time")));
  model.says("Rome");
  EXPECT_EQ(ask("where?"), "Rome");
  EXPECT_EQ(channel.replies.size(), 1u);
  EXPECT_EQ(transcript(), (Lines{"user: I will be in Rome", "assistant: have a good time",
                                 "user: where?", "assistant: Rome"}));
  EXPECT_EQ(told(model.requests.back()).size(), 3u);
}

TEST_F(AsideTest, ACorrectionTakesThePlaceOfWhatWaits) {
  three_messages();
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kCorrects, "2", "m2")));
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kCorrects, "two!", "m2")));
  model.says("second");
  model.says("third");
  model.release();
  run_until_replies(3);
  EXPECT_EQ(transcript(), (Lines{"user: one", "assistant: first", "user: two!", "assistant: second",
                                 "user: three", "assistant: third"}));
}

TEST_F(AsideTest, WhatIsBeingAnsweredCannotBeCorrected) {
  three_messages();
  for (const char* about : {"m1", "unknown", ""}) {
    EXPECT_EQ(agent->deliver(aside(Aside::What::kCorrects, "x", about)).error().code,
              Code::kNotFound);
  }
  for (const char* about : {"unknown", ""}) {
    EXPECT_EQ(agent->deliver(aside(Aside::What::kRetracts, "", about)).error().code,
              Code::kNotFound);
  }
  Message elsewhere = aside(Aside::What::kRetracts, "", "m2");
  elsewhere.conversation.peer = "bob@example.org";
  EXPECT_EQ(agent->deliver(std::move(elsewhere)).error().code, Code::kNotFound);
  model.says("second");
  model.says("third");
  model.release();
  run_until_replies(3);
}

TEST_F(AsideTest, WhatIsTakenBackIsNeitherAnsweredNorKept) {
  three_messages();
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kRetracts, "", "m2")));
  EXPECT_EQ(agent->deliver(aside(Aside::What::kRetracts, "", "m2")).error().code, Code::kNotFound);
  model.says("third");
  model.release();
  run_until_replies(2);
  EXPECT_EQ(transcript(),
            (Lines{"user: one", "assistant: first", "user: three", "assistant: third"}));
  EXPECT_EQ(journal->size(), 0u);
}

TEST_F(AsideTest, WhatWasAnsweredAndIsTakenBackIsGoneFromTheNextPrompt) {
  three_messages();
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kRetracts, "", "m1")));
  EXPECT_EQ(agent->deliver(aside(Aside::What::kRetracts, "", "m2")).has_value(), true);
  model.says("third");
  model.release();
  run_until_replies(2);
  EXPECT_EQ(transcript(), (Lines{"user: ", "assistant: first", "user: three", "assistant: third"}));
  const auto prompt = told(model.requests.back());
  EXPECT_TRUE(std::ranges::any_of(
      prompt, [](const auto& line) { return line.contains("taken back by its writer"); }));
}

TEST_F(AsideTest, SecondThoughtsSurviveAKill) {
  three_messages();
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kCorrects, "two!", "m2")));
  ASSERT_TRUE(agent->deliver(aside(Aside::What::kRetracts, "", "m3")));
  close();
  model.scenes.clear();
  model.says("first again");
  model.says("second");
  open();
  agent->resume();
  run_until_replies(2);
  EXPECT_EQ(transcript(),
            (Lines{"user: one", "assistant: first again", "user: two!", "assistant: second"}));
}

}  // namespace
}  // namespace skep::agent
