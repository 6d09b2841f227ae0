#include "claims.h"

#include <algorithm>
#include <array>

#include "skep/base/text.h"

namespace skep::agent {
namespace {

using std::string_view;

constexpr std::array<string_view, 6> kVerbs = {"sent",      "posted",    "emailed",
                                               "delivered", "forwarded", "messaged"};
// Who or what did it, in front of the verb.
constexpr std::array<string_view, 8> kDoers = {"i",        "i've",      "i have", "i just",
                                               "has been", "have been", "was",    "successfully"};
constexpr std::array<string_view, 16> kWays = {
    "message", "email", "e-mail",  "mail",   "telegram", "whatsapp", "slack",        "discord",
    "signal",  "xmpp",  "channel", "matrix", "sms",      "chat",     "notification", "room"};
constexpr std::size_t kSentenceMax = 400;  // a longer one is cut there

bool is_word(char c) { return (c >= 'a' && c <= 'z') || c == '\'' || c == '-'; }

bool has_word(string_view text, string_view word) {
  for (std::size_t at = text.find(word); at != string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end])))
      return true;
  }
  return false;
}

bool claims(string_view sentence) {
  const bool way = std::ranges::any_of(kWays, [&](string_view w) { return has_word(sentence, w); });
  if (!way) return false;
  return std::ranges::any_of(kVerbs, [&](string_view verb) {
    return std::ranges::any_of(kDoers, [&](string_view doer) {
      return has_word(sentence, std::string(doer) + ' ' + std::string(verb));
    });
  });
}

}  // namespace

bool claims_to_have_sent(string_view text) {
  std::string lower = to_lower_ascii(text);
  lower = replace_all(std::move(lower), "’", "'");
  for (string_view rest = lower; !rest.empty();) {
    const std::size_t end = std::min({rest.find_first_of(".!?\n"), kSentenceMax, rest.size()});
    if (claims(rest.substr(0, end))) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace skep::agent
