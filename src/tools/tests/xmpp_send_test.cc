#include "skep/tools/xmpp_send.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "skep/async/loop.h"
#include "skep/base/text.h"

namespace skep::tools {
namespace {

using Verdict = XmppSendDeps::Verdict;

class SetClock final : public Clock {
 public:
  WallTime now() const override { return now_; }
  WallTime now_ = *parse_rfc3339("2026-03-02T08:00:00Z");
};

class XmppSendTest : public testing::Test {
 protected:
  XmppSendTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "skep-send-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    config_.enabled = true;
    config_.allowed_contacts = {"bob@ex", "@team.ex", "room@conf.ex"};
    config_.answers_for = {};
    config_.audit_path = (path_ / "audit" / "xmpp_send.jsonl").string();
  }
  ~XmppSendTest() override { std::filesystem::remove_all(path_); }

  void open() {
    XmppSendDeps deps{
        .contact =
            [this](const Conversation&, const std::string& who) {
              return XmppSendDeps::Contact{.known = who == "friend@ex" || who == "bob@ex",
                                           .mutual = who == "friend@ex",
                                           .room = who == "room@conf.ex"};
            },
        .normal = [](std::string_view text) -> Result<std::string> {
          if (!text.contains('@')) return fail(Code::kInvalid, "no address");
          return to_lower_ascii(text);
        },
        .post = [this](const XmppSendDeps::Words& words) -> Result<std::string> {
          posted_.push_back(words);
          return std::string("queued");
        },
        .fate = [this](const Conversation&, const std::string&) { return fate_; },
        .ask = [this](Ctx, XmppSendDeps::Wish wish) { return say(std::move(wish)); },
        .knows = [this](const Conversation& from,
                        const std::string& to) { return met_.contains(from.peer + " " + to); },
        .met = [this](const Conversation& from, const std::string& to) -> Result<void> {
          met_.insert(from.peer + " " + to);
          return {};
        },
        .agent_name = "Bee",
        .clock = clock_};
    toolbox_ = Toolbox();
    ASSERT_TRUE(toolbox_.add(make_xmpp_send(config_, std::move(deps))));
  }
  Task<Result<Verdict>> say(XmppSendDeps::Wish wish) {
    asked_.push_back(std::move(wish));
    co_return verdict_;
  }
  json::value call(json::object arguments) {
    ToolCall wanted{.id = "c1", .name = "xmpp_send", .arguments = std::move(arguments)};
    ToolContext context{.conversation = {"xmpp", "ann@ex", ""}, .turn = "t", .call_id = "c"};
    const ToolOutput output = loop_.run(toolbox_.call(std::move(context), wanted));
    return parse_json(output.text).value_or(json::value(output.text));
  }
  std::string status(json::object arguments) {
    const json::value got = call(std::move(arguments));
    return std::string(get_string(got, "status")) + ": " + std::string(get_string(got, "reason"));
  }
  std::string audit() const {
    std::ifstream in(path_ / "audit" / "xmpp_send-2026-03.jsonl");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path path_;
  SetClock clock_;
  Loop loop_;
  XmppSendConfig config_;
  Toolbox toolbox_;
  Verdict verdict_ = Verdict::kYes;
  std::string fate_ = "sent";
  std::vector<XmppSendDeps::Words> posted_;
  std::vector<XmppSendDeps::Wish> asked_;
  std::set<std::string> met_;
};

TEST_F(XmppSendTest, OnlyTheListedAreWrittenTo) {
  open();
  EXPECT_TRUE(status({{"to", "eve@ex"}, {"body", "hi"}}).starts_with("denied: the address is not"));
  EXPECT_TRUE(status({{"to", "ann@ex"}, {"body", "hi"}}).contains("who you are talking with"));
  EXPECT_TRUE(status({{"to", "nonsense"}, {"body", "hi"}}).starts_with("denied"));
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", " "}}).contains("blank"));
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", std::string(5000, 'a')}}).contains("longer"));
  EXPECT_TRUE(status({{"to", "room@conf.ex"}, {"body", "hi"}}).contains("must be groupchat"));
  EXPECT_TRUE(
      status({{"to", "x@conf.ex"}, {"body", "hi"}, {"type", "groupchat"}}).contains("not in such"));
  EXPECT_TRUE(posted_.empty());
  EXPECT_TRUE(asked_.empty());
  EXPECT_EQ(status({{"to", "Bob@EX"}, {"body", "hi"}}), "sent: ");
  EXPECT_EQ(status({{"to", "new@team.ex"}, {"body", "hi"}}), "sent: ");
  EXPECT_EQ(status({{"to", "room@conf.ex"}, {"body", "hi"}, {"type", "groupchat"}}), "sent: ");
  ASSERT_EQ(posted_.size(), 3u);
  EXPECT_EQ(posted_.front().to, "bob@ex");
  EXPECT_EQ(posted_.front().text, "hi\n\n(via Bee, on behalf of ann@ex)");
}

TEST_F(XmppSendTest, TheRosterMayBeOpenedAndNarrowed) {
  open();
  EXPECT_TRUE(status({{"to", "friend@ex"}, {"body", "hi"}}).starts_with("denied"));
  config_.allow_roster_contacts = true;
  config_.allow_subscribed_only = true;
  open();
  EXPECT_EQ(status({{"to", "friend@ex"}, {"body", "hi"}}), "sent: ");
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", "hi"}}).contains("exchange presence"));
}

TEST_F(XmppSendTest, APersonSaysYesToTheVeryWords) {
  open();
  verdict_ = Verdict::kNo;
  EXPECT_EQ(status({{"to", "bob@ex"}, {"body", "the plan"}}), "denied: the person said no");
  verdict_ = Verdict::kExpired;
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", "the plan"}}).starts_with("expired"));
  EXPECT_TRUE(posted_.empty());
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_TRUE(asked_.front().summary.contains("the plan"));
  EXPECT_EQ(asked_.front().resource, "bob@ex");
  config_.draft = true;
  open();
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", "the plan"}}).starts_with("draft"));
  EXPECT_TRUE(asked_.back().resource.starts_with("bob@ex#")) << "good for these words alone";
  EXPECT_TRUE(posted_.empty()) << "a draft never sends itself";
}

TEST_F(XmppSendTest, AFirstContactIsConfirmedOnceForEachPerson) {
  config_.confirm_first_contact = true;
  open();
  EXPECT_EQ(status({{"to", "bob@ex"}, {"body", "one"}}), "sent: ");
  EXPECT_EQ(status({{"to", "bob@ex"}, {"body", "two"}}), "sent: ");
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_EQ(met_, std::set<std::string>{"ann@ex bob@ex"});
  EXPECT_EQ(status({{"to", "new@team.ex"}, {"body", "hi"}}), "sent: ");
  EXPECT_EQ(asked_.size(), 2u) << "another contact is asked about";
  config_.draft = true;
  open();
  EXPECT_EQ(status({{"to", "bob@ex"}, {"body", "three"}}), "sent: ");
  EXPECT_EQ(asked_.size(), 3u) << "a draft waits for a yes to its very words";
}

TEST_F(XmppSendTest, ANoMakesNobodyAContact) {
  open();
  verdict_ = Verdict::kNo;
  EXPECT_EQ(status({{"to", "bob@ex"}, {"body", "one"}}), "denied: the person said no");
  EXPECT_TRUE(met_.empty());
}

TEST_F(XmppSendTest, WhoAnswersIsToldWhereItGoes) {
  config_.answers_for = std::chrono::hours(24);
  open();
  const json::value sent = call({{"to", "bob@ex"}, {"body", "hi"}});
  EXPECT_TRUE(get_string(sent, "answer").contains("within 24 hours"));
  EXPECT_EQ(posted_.back().answers_for, std::chrono::hours(24));
  EXPECT_EQ(posted_.back().text,
            "hi\n\n(via Bee, on behalf of ann@ex; what you answer within 24 hours is passed on to "
            "them)");
  config_.attribution = false;
  open();
  call({{"to", "bob@ex"}, {"body", "hi"}});
  EXPECT_EQ(posted_.back().text,
            "hi\n\n(what you answer within 24 hours is passed on to whoever had me write this)");
  call({{"to", "room@conf.ex"}, {"body", "hi"}, {"type", "groupchat"}});
  EXPECT_EQ(posted_.back().text, "hi") << "what a room says is not handed back";
  EXPECT_EQ(posted_.back().answers_for.count(), 0);
}

TEST_F(XmppSendTest, TellsTheAuthorityWhoIsWrittenToAndWhatLeaves) {
  open();
  const Tool* tool = toolbox_.find("xmpp_send");
  ASSERT_NE(tool, nullptr);
  const auto needs = tool->needs(json::object{{"to", "Bob@EX"}, {"body", "hi"}});
  ASSERT_EQ(needs.size(), 1u);
  EXPECT_EQ(needs.front().action, authority::Action::kXmppSend);
  EXPECT_EQ(needs.front().resource, "bob@ex");
  EXPECT_EQ(needs.front().carries, "hi");
  EXPECT_TRUE(tool->needs(json::object{{"to", "nonsense"}, {"body", "hi"}}).empty());
}

TEST_F(XmppSendTest, IsSlowAndThenSilent) {
  config_.confirm_first_contact = false;
  open();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status({{"to", "bob@ex"}, {"body", "hi"}}), "sent: ");
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", "hi"}}).contains("5 messages a minute"));
  clock_.now_ += std::chrono::seconds(299);
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", "hi"}}).contains("a limit was reached"));
  clock_.now_ += std::chrono::seconds(1);
  EXPECT_EQ(status({{"to", "bob@ex"}, {"body", "hi"}}), "sent: ");
  EXPECT_EQ(posted_.size(), 6u);
}

TEST_F(XmppSendTest, EveryTryIsInTheBookAndTheBookHoldsNoWholeText) {
  const std::string text =
      "a long story about the meeting that nobody else should ever read at all";
  open();
  call({{"to", "bob@ex"}, {"body", text}});
  call({{"to", "eve@ex"}, {"body", text}});
  const std::string book = audit();
  EXPECT_TRUE(book.contains("sha256:" + hex_encode(sha256(text)))) << book;
  EXPECT_TRUE(book.contains(text.substr(0, 50)));
  EXPECT_FALSE(book.contains(text));
  EXPECT_TRUE(book.contains("\"result\":\"denied: "));
  EXPECT_TRUE(book.contains("\"triggered_by\":\"user_request\""));
  EXPECT_TRUE(book.contains("\"result\":\"sent\""));
}

TEST_F(XmppSendTest, WhatCannotBeWrittenDownIsNotSent) {
  std::ofstream(path_ / "audit") << "a file where the folder should be";
  config_.confirm_first_contact = false;
  open();
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", "hi"}}).contains("audit file"));
  EXPECT_TRUE(posted_.empty());
}

TEST_F(XmppSendTest, SaysWhatBecameOfIt) {
  config_.confirm_first_contact = false;
  open();
  fate_ = "bounced";
  EXPECT_TRUE(status({{"to", "bob@ex"}, {"body", "hi"}}).contains("came back"));
  fate_ = "delivered";
  EXPECT_EQ(get_bool(call({{"to", "bob@ex"}, {"body", "hi"}}), "delivered"), true);
}

}  // namespace
}  // namespace skep::tools
