#include <algorithm>
#include <array>

#include "skep/base/id.h"
#include "skep/base/secret.h"
#include "skep/base/text.h"

namespace skep {
namespace {

constexpr std::string_view kMask = "…";
constexpr std::size_t kTokenBytesMin =
    32;  // an unnamed run of letters and digits this long is taken for a key
constexpr std::size_t kPrefixedBytesMin = 8;  // "sk-" and this much more is one; "sk-learn" is not

constexpr std::array<std::string_view, 15> kSecretNames = {
    "api_key", "api-key",      "apikey",        "x-api-key",     "key",
    "token",   "access_token", "refresh_token", "secret",        "passwd",
    "pwd",     "password",     "client_secret", "authorization", "proxy-authorization"};
constexpr std::array<std::string_view, 2> kKeyPrefixes = {"sk-", "key-"};
constexpr std::array<std::string_view, 2> kSchemes = {"bearer", "basic"};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_' || c == '-'; }
bool is_token(char c) {
  return is_word(c) || c == '+' || c == '/' || c == '=' || c == '.' || c == '~';
}

template <class Accept>
std::string_view run_of(std::string_view text, Accept accept) {
  return {text.begin(), std::ranges::find_if_not(text, accept)};
}

bool mixes_letters_and_digits(std::string_view text) {
  return std::ranges::any_of(text, is_digit) &&
         std::ranges::any_of(text, [](char c) { return is_lower(c) || is_upper(c); });
}

// Base64 holds '/' and so do paths; only a run that mixes both cases and digits without '-', '_' or
// '.' is taken for the first.
bool looks_like_base64_with_slashes(std::string_view run) {
  return run.size() >= kTokenBytesMin && std::ranges::any_of(run, is_lower) &&
         std::ranges::any_of(run, is_upper) && std::ranges::any_of(run, is_digit) &&
         run.find_first_of("-_.~") == std::string_view::npos && !run.starts_with('/');
}

class Redactor {
 public:
  explicit Redactor(std::string_view text) : rest_(text) {}

  std::string run() {
    while (!rest_.empty()) {
      std::string_view word = run_of(rest_, is_word);
      if (word.empty()) {
        std::string_view slashes = run_of(rest_, [](char c) { return !is_word(c); });
        keep(slashes.size());
      } else {
        redact_word(word);
      }
    }
    return std::move(out_);
  }

 private:
  void keep(std::size_t bytes) {
    out_.append(rest_.substr(0, bytes));
    rest_.remove_prefix(bytes);
  }
  void mask(std::size_t bytes) {
    out_.append(kMask);
    rest_.remove_prefix(bytes);
  }

  void redact_word(std::string_view word) {
    if (is_one_of(word, kSecretNames)) return redact_named(word);
    if (is_one_of(word, kSchemes)) return redact_after_scheme(word);
    for (std::string_view prefix : kKeyPrefixes) {
      if (word.starts_with(prefix) && word.size() >= prefix.size() + kPrefixedBytesMin) {
        keep(prefix.size());
        return mask(run_of(rest_, is_token).size());
      }
    }
    redact_plain(word);
  }

  void redact_plain(std::string_view word) {
    std::string_view token = run_of(rest_, is_token);
    if (looks_like_base64_with_slashes(token)) return mask(token.size());
    bool long_and_mixed = word.size() >= kTokenBytesMin && mixes_letters_and_digits(word);
    if (!long_and_mixed || Uuid::parse(word)) return keep(word.size());
    mask(word.size());
    mask_tail();
  }
  // What clings to a masked word ("/+=" of base64) belongs to it; its mask stands for both.
  void mask_tail() {
    rest_.remove_prefix(run_of(rest_, [](char c) {
                          return is_word(c) || c == '+' || c == '/' || c == '=';
                        }).size());
  }

  // name, then `=` or `:` with quotes and blanks around, then the value.
  void redact_named(std::string_view name) {
    std::size_t at = name.size();
    at += run_of(rest_.substr(at), [](char c) {
            return c == '"' || c == '\'' || c == ' ' || c == '\\';
          }).size();
    if (at >= rest_.size() || (rest_[at] != '=' && rest_[at] != ':')) return redact_plain(name);
    ++at;
    at += run_of(rest_.substr(at), [](char c) { return c == ' ' || c == '\\'; }).size();
    char quote = at < rest_.size() && (rest_[at] == '"' || rest_[at] == '\'') ? rest_[at++] : '\0';
    keep(at);
    std::string_view word = run_of(rest_, is_word);
    if (is_one_of(word, kSchemes)) return redact_after_scheme(word);
    mask_value(quote);
  }

  void mask_value(char quote) {
    std::string_view value = run_of(rest_, [quote](char c) {
      if (quote != '\0') return c != quote;
      return std::string_view(" \t\r\n&,;\"'<>)}]").find(c) == std::string_view::npos;
    });
    if (!value.empty()) mask(value.size());
  }

  void redact_after_scheme(std::string_view scheme) {
    keep(scheme.size());
    std::string_view blanks = run_of(rest_, [](char c) { return c == ' '; });
    std::string_view value = run_of(rest_.substr(blanks.size()), is_token);
    if (blanks.empty() || value.size() < kPrefixedBytesMin)
      return;  // "basic facts", "the bearer of"
    keep(blanks.size());
    mask(value.size());
  }

  static bool is_one_of(std::string_view word, auto& names) {
    return std::ranges::any_of(
        names, [&](std::string_view n) { return equals_ignoring_ascii_case(word, n); });
  }

  std::string_view rest_;
  std::string out_;
};

}  // namespace

std::string redact(std::string_view text, std::size_t bytes_max) {
  std::string clean = Redactor(text).run();
  clean.resize(cut_utf8(clean, bytes_max).size());
  return clean;
}

}  // namespace skep
