// What an e-mail looks like (RFC 5322, 2045, 2047, 3834).
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "skep/base/text.h"
#include "skep/net/mail.h"

namespace skep::net {
namespace {

constexpr std::size_t kBodyLine = 76;
constexpr std::size_t kWordBytes = 39;  // of one encoded word: 52 letters of base64

bool is_ascii_line(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

Result<void> check(const Mail& mail) {
  for (const std::string* one : {&mail.from, &mail.to, &mail.id}) {
    if (one->empty() || !is_ascii_line(*one) || one->find_first_of(" <>,;") != std::string::npos)
      return fail(Code::kInvalid, "an address of a mail is no plain one");
  }
  const bool broken =
      std::ranges::any_of(mail.subject, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (broken) return fail(Code::kInvalid, "the subject of a mail has control characters");
  return {};
}

// Where it is not plain: in encoded words, none of which cuts a character.
std::string subject_line(std::string_view subject) {
  if (is_ascii_line(subject) && subject.size() <= kBodyLine - 10) return std::string(subject);
  std::string line;
  while (!subject.empty()) {
    const std::string_view part = cut_utf8(subject, kWordBytes);
    subject.remove_prefix(part.size());
    line += fmt::format("{}=?UTF-8?B?{}?=", line.empty() ? "" : "\r\n ", base64_encode(part));
  }
  return line;
}

std::string date_line(WallTime at) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t secs = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm utc{};
  gmtime_r(&secs, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace

Result<std::string> mail_text(const Mail& mail) {
  SKEP_TRY_VOID(check(mail));
  const std::string_view domain =
      std::string_view(mail.from).substr(std::min(mail.from.find('@') + 1, mail.from.size()));
  std::string out = fmt::format(
      "Date: {}\r\nFrom: <{}>\r\nTo: <{}>\r\nSubject: {}\r\nMessage-ID: <{}@{}>\r\n"
      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
      date_line(mail.at), mail.from, mail.to, subject_line(to_valid_utf8(mail.subject)), mail.id,
      domain);
  const std::string body = base64_encode(to_valid_utf8(mail.text));
  for (std::size_t at = 0; at < body.size(); at += kBodyLine)
    out.append(body, at, kBodyLine).append("\r\n");
  return out;
}

}  // namespace skep::net
