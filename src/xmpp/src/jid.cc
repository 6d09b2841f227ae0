#include "skep/xmpp/jid.h"

#include <idn2.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::size_t kPartBytesMax = 1023;  // RFC 7622 3.1

struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};
template <class T>
using CBuffer = std::unique_ptr<T, Freed>;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}

const std::uint8_t* as_u8(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// Calls `use(code point)` for each character of valid UTF-8; false from it ends the walk and is the
// result.
template <class Use>
bool for_each_character(std::string_view text, Use use) {
  while (!text.empty()) {
    ucs4_t character = 0;
    const int length = u8_mbtoucr(&character, as_u8(text), text.size());
    if (length <= 0 || !use(character)) return false;
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  return true;
}

void append_character(std::string& out, ucs4_t character) {
  std::uint8_t bytes[6];
  const int length = u8_uctomb(bytes, character, sizeof bytes);
  if (length > 0)
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

Result<std::string> normalised(std::string_view text) {
  std::size_t length = 0;
  CBuffer<std::uint8_t> made(u8_normalize(UNINORM_NFC, as_u8(text), text.size(), nullptr, &length));
  if (!made) return fail(Code::kInvalid, "cannot be normalised");
  return std::string(reinterpret_cast<const char*>(made.get()), length);
}

Result<std::string> lower_cased(std::string_view text) {
  std::size_t length = 0;
  CBuffer<std::uint8_t> made(
      u8_tolower(as_u8(text), text.size(), nullptr, UNINORM_NFC, nullptr, &length));
  if (!made) return fail(Code::kInvalid, "cannot be lower-cased");
  return std::string(reinterpret_cast<const char*>(made.get()), length);
}

// Full-width and half-width forms become the characters they stand for (RFC 8265 3.3.1).
std::string width_mapped(std::string_view text) {
  std::string out;
  for_each_character(text, [&](ucs4_t character) {
    ucs4_t pieces[UC_DECOMPOSITION_MAX_LENGTH];
    int tag = 0;
    const int count = uc_decomposition(character, &tag, pieces);
    if (count == 1 && (tag == UC_DECOMP_WIDE || tag == UC_DECOMP_NARROW)) character = pieces[0];
    append_character(out, character);
    return true;
  });
  return out;
}

// Approximates PRECIS IdentifierClass: refuses what cannot be seen, is no character, or that RFC
// 7622 3.3.1 excludes.
bool allowed_in_local(ucs4_t character) {
  if (character < 0x80) {
    return character > 0x20 && character < 0x7F &&
           std::string_view("\"&'/:<>@").find(static_cast<char>(character)) ==
               std::string_view::npos;
  }
  return !uc_is_general_category_withtable(character, UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Z);
}

// As OpaqueString, but unassigned and format characters pass: nicknames in rooms carry emoji newer
// than our tables.
bool allowed_in_resource(ucs4_t character) {
  return !uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cs |
                                                          UC_CATEGORY_MASK_Zl |
                                                          UC_CATEGORY_MASK_Zp);
}

Result<std::string> prepare_local(std::string_view text) {
  std::string out;
  if (is_ascii(text)) {
    out = to_lower_ascii(text);
  } else {
    SKEP_TRY(out, lower_cased(width_mapped(text)));
  }
  if (!for_each_character(out, allowed_in_local)) {
    return fail(Code::kInvalid, "the part before @ has a character that is not allowed there");
  }
  return out;
}

Result<std::string> prepare_resource(std::string_view text) {
  std::string out(text);
  if (!is_ascii(text)) {
    out.clear();
    for_each_character(text, [&](ucs4_t character) {
      const bool space = uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Zs);
      append_character(out, space ? ' ' : character);
      return true;
    });
    SKEP_TRY(out, normalised(out));
  }
  if (!for_each_character(out, allowed_in_resource)) {
    return fail(Code::kInvalid, "the part after / has a character that is not allowed there");
  }
  return out;
}

Result<std::string> idn(int (*convert)(const char*, char**, int), const std::string& text,
                        int flags) {
  char* raw = nullptr;
  const int status = convert(text.c_str(), &raw, flags);
  CBuffer<char> made(raw);
  if (status != IDN2_OK) {
    return fail(Code::kInvalid, fmt::format("the domain is not valid: {}", idn2_strerror(status)));
  }
  return std::string(made.get());
}

Result<std::string> to_ascii(const std::string& domain) {
  return idn(idn2_to_ascii_8z, domain, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
}

// Literal addresses: "[::1]", with or without scope; a dotted IPv4 address is an ordinary host name
// here.
bool is_ipv6_literal(std::string_view text) {
  return text.size() > 4 && text.front() == '[' && text.back() == ']' &&
         text.find_first_not_of("0123456789abcdef:.", 1) == text.size() - 1;
}

bool is_host_label(std::string_view label) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, fits);
}

Result<std::string> prepare_domain(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return fail(Code::kInvalid, "the domain is empty");
  std::string out(text);
  if (is_ascii(out)) {
    out = to_lower_ascii(out);
    if (is_ipv6_literal(out)) return out;
  } else {
    SKEP_TRY(out, to_ascii(out));
  }
  if (!std::ranges::all_of(split(out, '.'), is_host_label)) {
    return fail(Code::kInvalid, "the domain is no valid host name");
  }
  if (out.find("xn--") == std::string::npos) return out;
  SKEP_TRY(std::string unicode, idn(idn2_to_unicode_8z8z, out, 0));
  // Only the canonical spelling of a name: otherwise two addresses that differ here would be one
  // host.
  const auto again = to_ascii(unicode);
  if (!again || *again != out) return fail(Code::kInvalid, "the domain is not canonical IDNA2008");
  return unicode;
}

}  // namespace

Result<Jid> Jid::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kInvalid, fmt::format("\"{}\" is no XMPP address: {}",
                                            cut_utf8(to_valid_utf8(text), 200), why));
  };
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos) return refuse("not text");
  Jid jid;
  std::string_view front = text;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    front = text.substr(0, slash);
    const auto resource = prepare_resource(text.substr(slash + 1));
    if (!resource) return refuse(resource.error().message);
    if (resource->empty()) return refuse("nothing follows the /");
    jid.resource_ = *resource;
  }
  if (const std::size_t at = front.find('@'); at != std::string_view::npos) {
    const auto local = prepare_local(front.substr(0, at));
    if (!local) return refuse(local.error().message);
    if (local->empty()) return refuse("nothing comes before the @");
    jid.local_ = *local;
    front.remove_prefix(at + 1);
  }
  const auto domain = prepare_domain(front);
  if (!domain) return refuse(domain.error().message);
  jid.domain_ = *domain;
  for (const std::string* part : {&jid.local_, &jid.domain_, &jid.resource_}) {
    if (part->size() > kPartBytesMax) return refuse("a part is longer than 1023 bytes");
  }
  return jid;
}

Jid Jid::bare() const {
  Jid out = *this;
  out.resource_.clear();
  return out;
}

Jid Jid::with_resource(std::string_view resource) const {
  Jid out = *this;
  out.resource_ = resource;
  return out;
}

std::string Jid::str() const {
  std::string out;
  out.reserve(local_.size() + domain_.size() + resource_.size() + 2);
  if (!local_.empty()) out.append(local_).append("@");
  out += domain_;
  if (!resource_.empty()) out.append("/").append(resource_);
  return out;
}

std::string Jid::ascii_domain() const {
  if (is_ascii(domain_)) return domain_;
  return to_ascii(domain_).value_or(domain_);
}

}  // namespace skep::xmpp
