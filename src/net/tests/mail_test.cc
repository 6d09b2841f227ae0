#include "skep/net/mail.h"

#include "raw_server.h"

namespace skep::net {
namespace {

using namespace testing;

Mail mail() {
  return {.id = "01J0000000000000000000000A",
          .from = "skep@example.org",
          .to = "ann@example.org",
          .subject = "weather",
          .text = "It will rain.\n",
          .at = WallTime(Millis(1'770'000'000'000))};
}

TEST(MailText, IsWhatTheStandardsSay) {
  EXPECT_EQ(*mail_text(mail()),
            "Date: Mon, 02 Feb 2026 02:40:00 +0000\r\n"
            "From: <skep@example.org>\r\n"
            "To: <ann@example.org>\r\n"
            "Subject: weather\r\n"
            "Message-ID: <01J0000000000000000000000A@example.org>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n"
            "SXQgd2lsbCByYWluLgo=\r\n");
}

TEST(MailText, KeepsLinesShortAndPlain) {
  Mail long_one = mail();
  for (int i = 0; i < 40; ++i) long_one.subject += " Wetter für Ösel 🌦";
  long_one.text = std::string(5000, 'x');
  const std::string text = *mail_text(long_one);
  for (const std::string_view line : split(text, '\n')) {
    EXPECT_LE(line.size(), 79u) << line;
    EXPECT_TRUE(line.empty() || line.ends_with('\r')) << line;
    EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c > 0; })) << line;
  }
  EXPECT_TRUE(text.contains("Subject: =?UTF-8?B?"));
}

TEST(MailText, LetsNobodyAddALine) {
  for (const char* bad : {"", "a b@example.org", "ann@example.org\r\nBcc: eve@example.org",
                          "ann@example.org>, <eve@example.org", "ann@exämple.org"}) {
    Mail one = mail();
    one.to = bad;
    EXPECT_FALSE(mail_text(one)) << bad;
  }
  Mail one = mail();
  one.subject = "weather\r\nBcc: eve@example.org";
  EXPECT_FALSE(mail_text(one));
}

// A server that answers as the standard has it until a line begins with `at`, which it answers with
// `with`.
Task<void> talk(Stream* stream, std::string at, std::string with, std::string* heard) {
  std::string buffer, answer = "220 test\r\n";
  bool data = false;
  for (;;) {
    if (!answer.empty() && !co_await stream->write(patient(), as_bytes(answer))) co_return;
    answer.clear();
    const std::string piece = co_await read_up_to(*stream, 1);
    if (piece.empty()) co_return;
    buffer += piece;
    *heard += piece;
    const std::string end = data ? "\r\n.\r\n" : "\r\n";
    if (!buffer.ends_with(end)) continue;
    const std::string line = std::exchange(buffer, "");
    if (!at.empty() && (line.starts_with(at) || (data && at == ".")))
      answer = with;
    else if (!data && line.starts_with("DATA"))
      answer = "354 go on\r\n";
    else
      answer = line.starts_with("QUIT") && !data ? "221 bye\r\n" : "250 ok\r\n";
    data = !data && line.starts_with("DATA") && answer.starts_with("354");
  }
}

class MailServerPlayed : public ::testing::Test {
 protected:
  Result<void> send(std::string at = {}, std::string with = {}, bool tls = false) {
    RawServer server(loop_, [&, this](Stream& stream) { return talk(&stream, at, with, &heard_); });
    auto mailer =
        Mailer::open(loop_, {.url = fmt::format("smtp://127.0.0.1:{}", server.port()), .tls = tls});
    auto sent = loop_.run((*mailer)->send(patient(), mail()));
    mailer->reset();
    return sent;
  }
  Loop loop_;
  std::string heard_;
};

TEST_F(MailServerPlayed, TakesAMail) {
  const auto sent = send();
  ASSERT_TRUE(sent) << sent.error().to_string();
  for (const char* line : {"MAIL FROM:<skep@example.org>", "RCPT TO:<ann@example.org>",
                           "Message-ID: <01J0000000000000000000000A@example.org>"})
    EXPECT_TRUE(heard_.contains(line)) << line << "\n" << heard_;
}

TEST_F(MailServerPlayed, RefusesForGoodOrForNow) {
  const struct {
    const char* at;
    const char* with;
    Code code;
  } table[] = {{"RCPT", "550 no such user\r\n", Code::kDenied},
               {"MAIL", "451 later\r\n", Code::kUnavailable},
               {".", "554 spam\r\n", Code::kDenied},
               {".", "452 full\r\n", Code::kUnavailable}};
  for (const auto& [at, with, code] : table) {
    const auto sent = send(at, with);
    ASSERT_FALSE(sent) << at << " " << with;
    EXPECT_EQ(sent.error().code, code) << with << sent.error().message;
    EXPECT_TRUE(sent.error().message.contains(trim(with).substr(4))) << sent.error().message;
  }
}

TEST_F(MailServerPlayed, GetsNothingWithoutTlsWhereTlsIsWanted) {
  const auto sent = send({}, {}, true);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kUnavailable);
  EXPECT_FALSE(heard_.contains("MAIL FROM")) << heard_;
}

TEST_F(MailServerPlayed, MayBeAway) {
  auto mailer = Mailer::open(loop_, {.url = "smtp://127.0.0.1:1", .tls = false});
  EXPECT_EQ(loop_.run((*mailer)->send(patient(), mail())).error().code, Code::kUnavailable);
  EXPECT_FALSE(Mailer::open(loop_, {.url = "https://example.org"}));
}

}  // namespace
}  // namespace skep::net
