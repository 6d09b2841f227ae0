// The line as text.
#include <fmt/format.h>

#include <algorithm>

#include "skep/authority/signature.h"
#include "skep/base/text.h"

namespace skep::authority {
namespace {

constexpr std::string_view kMark = "#skep-signature";
constexpr std::size_t kNameBytesMax = 128;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

// "name=support" of field "name"
bool take_field(std::string_view word, std::string_view field, std::string& into) {
  if (!word.starts_with(field) || word.size() <= field.size() || word[field.size()] != '=')
    return false;
  into = word.substr(field.size() + 1);
  return true;
}

std::vector<std::string_view> at_spaces(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return words;
    line.remove_prefix(space + 1);
  }
}

}  // namespace

Result<Signer> parse_signer(std::string_view text) {
  const std::size_t colon = text.find(':');
  Signer signer{.name = std::string(text.substr(0, colon)), .key = {}};
  if (colon != std::string_view::npos) signer.key = to_lower_ascii(text.substr(colon + 1));
  const bool named =
      !signer.name.empty() && signer.name.size() <= 64 &&
      std::ranges::all_of(signer.name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
      });
  if (named && is_hex(signer.key, 64)) return signer;
  return fail(Code::kInvalid,
              "a signer is written \"ops:KEY\", KEY being the 64 hex digits that `skep agent "
              "keygen` prints");
}

std::string to_text(const Signer& signer) { return fmt::format("{}:{}", signer.name, signer.key); }

std::string to_text(const SignatureLine& line) {
  return fmt::format("{} v1 name={} expires={} sha256={} key={} sig={}", kMark, line.name,
                     line.expires, line.sha256, line.key, line.sig);
}

Result<SignatureLine> parse_signature_line(std::string_view text) {
  if (text.size() > signature_line_bytes_max)
    return fail(Code::kInvalid, "the signature line is too long");
  const std::vector<std::string_view> words = at_spaces(text);
  if (words.size() < 2 || words[0] != kMark)
    return fail(Code::kInvalid, "that is no signature line");
  if (words[1] != "v1") return fail(Code::kInvalid, "a signature of an unknown version");
  SignatureLine line;
  const bool whole = words.size() == 7 && take_field(words[2], "name", line.name) &&
                     take_field(words[3], "expires", line.expires) &&
                     take_field(words[4], "sha256", line.sha256) &&
                     take_field(words[5], "key", line.key) && take_field(words[6], "sig", line.sig);
  if (!whole || !is_plain(line.name) || line.name.size() > kNameBytesMax ||
      !is_plain(line.expires) || line.expires.size() > 64 || !is_hex(line.sha256, 64) ||
      !is_hex(line.key, 64) || !is_hex(line.sig, 128))
    return fail(Code::kInvalid, "the signature line is damaged");
  return line;
}

// Wherever the mark stands a signature was meant: one that a blank before it or a line behind it
// would turn into a mere comment is damaged, not absent.
Result<SignedText> split_signature(std::string_view text) {
  const std::size_t at = text.find(kMark);
  if (at == std::string_view::npos) return SignedText{.content = text, .line = std::nullopt};
  if (at > 0 && text[at - 1] != '\n')
    return fail(Code::kInvalid, "the signature must be a line of its own");
  const std::size_t end = std::min(text.find('\n', at), text.size());
  if (end + 1 < text.size())
    return fail(Code::kInvalid, "something stands behind the signature, which must be last");
  SKEP_TRY(SignatureLine line, parse_signature_line(text.substr(at, end - at)));
  return SignedText{.content = text.substr(0, at), .line = std::move(line)};
}

}  // namespace skep::authority
