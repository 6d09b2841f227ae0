// What somebody with an editor can do to an audit log, and that it is seen.
#include <gtest/gtest.h>

#include <filesystem>

#include "home.h"
#include "skep/base/text.h"

namespace skep::authority {
namespace {

class AuditTamper : public testing::Test {
 protected:
  void SetUp() override {
    auto log = home_.open();
    for (std::string_view name : {"one", "two", "three"})
      ASSERT_TRUE(log->append(entry("shell_exec", std::string(name), "allow")));
    log.reset();
    text_ = TestHome::read(home_.log());
    ASSERT_EQ(verify_audit(home_.path()).value(), 3U);
  }
  // What verification says about the log with `text` in it.
  std::string verdict(const std::string& text) {
    TestHome::write(home_.log(), text);
    const auto verified = verify_audit(home_.path());
    if (verified) return "fine";
    EXPECT_EQ(verified.error().code, Code::kCorrupt);
    return verified.error().message;
  }
  std::string line(std::size_t number) const {
    return std::string(split(text_, '\n').at(number - 1));
  }

  TestHome home_;
  std::string text_;
};

TEST_F(AuditTamper, AnyChangedFieldIsSeen) {
  for (std::string_view field : {"seq", "time", "principal", "agent", "action", "resource",
                                 "outcome", "detail", "trace", "prev", "hash"}) {
    const std::string old = line(2);
    std::size_t at = old.find(fmt::format("\"{}\":", field)) + field.size() + 3;
    if (old[at] == '"') ++at;
    std::string changed = old;
    changed[at] = changed[at] == '9' ? '8' : '9';
    const std::string said = verdict(replace_all(text_, old, changed));
    EXPECT_TRUE(said.starts_with("line 2 of the audit log: ")) << field << ": " << said;
  }
}

TEST_F(AuditTamper, ByteMovedBetweenFieldsIsSeen) {
  const std::string moved = replace_all(text_, R"("action":"shell_exec","resource":"two")",
                                        R"("action":"shell_exect","resource":"wo")");
  EXPECT_EQ(verdict(moved), "line 2 of the audit log: its hash is not that of its fields");
}

TEST_F(AuditTamper, LineTakenFromTheMiddleIsSeen) {
  EXPECT_EQ(verdict(line(1) + "\n" + line(3) + "\n"),
            "line 2 of the audit log: it has the number 3");
}

TEST_F(AuditTamper, LastLineTakenAwayIsSeen) {
  const std::string said = verdict(line(1) + "\n" + line(2) + "\n");
  EXPECT_EQ(said,
            "the audit log ends with line 2, but its head names line 3: lines were taken away");
  const auto opened = AuditLog::open(home_.path(), Clock::system());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
}

TEST_F(AuditTamper, WholeLogTakenAwayIsSeen) {
  std::filesystem::remove(home_.log());
  EXPECT_EQ(verify_audit(home_.path()).error().code, Code::kCorrupt);
  EXPECT_EQ(AuditLog::open(home_.path(), Clock::system()).error().code, Code::kCorrupt);
}

TEST_F(AuditTamper, MembersThatNoHashCoversAreSeen) {
  const std::string more =
      replace_all(text_, R"(,"prev":")" + line(2).substr(line(2).find("\"prev\":") + 8, 64),
                  R"(,"note":"x","prev":")" + line(2).substr(line(2).find("\"prev\":") + 8, 64));
  EXPECT_EQ(verdict(more), "line 2 of the audit log: it is not as it was written");
  EXPECT_EQ(verdict("\n" + text_), "line 1 of the audit log: it is no line of an audit log");
}

TEST_F(AuditTamper, RewrittenChainDoesNotFitTheHead) {
  // Somebody writes another log of the same length, with hashes that fit each other.
  TestHome other;
  {
    auto log = other.open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(log->append(entry("shell_exec", "nothing", "allow")));
  }
  EXPECT_EQ(verdict(TestHome::read(other.log())),
            "line 3 of the audit log: it is not the one that the head names");
  // And a head of its own, without our key.
  TestHome::write(home_.head(), TestHome::read(other.head()));
  EXPECT_EQ(verify_audit(home_.path()).error().message,
            "the head of the audit log was not written with its key");
}

TEST_F(AuditTamper, MissingHeadOrKeyIsSeen) {
  const std::string head = TestHome::read(home_.head());
  std::filesystem::remove(home_.head());
  EXPECT_EQ(verify_audit(home_.path()).error().message, home_.head() + " is missing");
  EXPECT_EQ(AuditLog::open(home_.path(), Clock::system()).error().code, Code::kCorrupt);
  TestHome::write(home_.head(), head);
  std::filesystem::remove(home_.key());
  EXPECT_EQ(AuditLog::open(home_.path(), Clock::system()).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace skep::authority
