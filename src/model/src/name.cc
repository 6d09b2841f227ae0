#include "skep/model/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "skep/base/text.h"

namespace skep {
namespace {

constexpr std::size_t kNameBytesMax = 256;
constexpr std::ptrdiff_t kFieldsMin = 2, kFieldsMax = 10;  // the type counts as one
constexpr std::size_t kFieldBytesMax = 63;
constexpr std::size_t kHiveBytesMax = 64;

struct TypePrefix {
  NodeType type;
  std::string_view prefix;
};
constexpr std::array<TypePrefix, 5> kTypes = {{{NodeType::kRouter, "RT"},
                                               {NodeType::kSystem, "SY"},
                                               {NodeType::kChannel, "IO"},
                                               {NodeType::kAgent, "AI"},
                                               {NodeType::kWorkflow, "WF"}}};

// Looked up rather than compared: every message that comes over a wire has a name or two.
constexpr std::array<bool, 256> kHiveChars = [] {
  std::array<bool, 256> chars{};
  for (char c = 'a'; c <= 'z'; ++c) chars[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) chars[static_cast<unsigned char>(c)] = true;
  for (char c = '0'; c <= '9'; ++c) chars[static_cast<unsigned char>(c)] = true;
  chars['_'] = chars['-'] = true;
  return chars;
}();
bool is_hive_char(char c) { return kHiveChars[static_cast<unsigned char>(c)]; }
bool is_field_char(char c) { return is_hive_char(c) || c == '+'; }

std::optional<NodeType> type_of(std::string_view prefix) {
  auto at = std::ranges::find(kTypes, prefix, &TypePrefix::prefix);
  return at == kTypes.end() ? std::nullopt : std::optional(at->type);
}

bool is_hive(std::string_view text) {
  return !text.empty() && text.size() <= kHiveBytesMax && std::ranges::all_of(text, is_hive_char);
}

// One '-' for each character that may not stand in a name; a character of several bytes counts
// once.
std::string cleaned(std::string_view text, bool (*allowed)(char), std::size_t bytes_max,
                    std::string_view if_empty) {
  std::string out;
  for (char c : text) {
    bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    if (!continues) out.push_back(allowed(c) ? c : '-');
    if (out.size() == bytes_max) break;
  }
  return out.empty() ? std::string(if_empty) : out;
}

// Fields with a dot between each two of them.
bool good_base(std::string_view base) {
  std::size_t length = 0;
  for (const char c : base) {
    if (c != '.') {
      if (!is_field_char(c)) return false;
      ++length;
      continue;
    }
    if (length == 0 || length > kFieldBytesMax) return false;
    length = 0;
  }
  return length > 0 && length <= kFieldBytesMax;
}

std::unexpected<Error> bad_name(std::string_view text, std::string_view why) {
  return fail(Code::kInvalid,
              fmt::format("\"{}\" is no node name: {}", cut_utf8(to_valid_utf8(text), 80), why));
}

}  // namespace

std::string_view node_type_prefix(NodeType type) {
  return std::ranges::find(kTypes, type, &TypePrefix::type)->prefix;
}

Result<Name> Name::parse(std::string_view text, std::string_view local_hive) {
  if (text.size() > kNameBytesMax) return bad_name(text, "longer than 256 bytes");
  std::size_t at = text.find('@');
  std::string_view base = text.substr(0, at);
  std::string_view hive = at == std::string_view::npos ? local_hive : text.substr(at + 1);
  if (!is_hive(hive))
    return bad_name(text, "after '@' a hive of 1 to 64 of A-Z a-z 0-9 _ - is needed");
  const std::optional<NodeType> type = type_of(base.substr(0, base.find('.')));
  if (!type) return bad_name(text, "it must begin with RT, SY, IO, AI or WF and a dot");
  const auto fields = std::ranges::count(base, '.') + 1;
  if (fields < kFieldsMin || fields > kFieldsMax)
    return bad_name(text, "2 to 10 fields are allowed");
  if (!good_base(base)) {
    return bad_name(text, "a field is 1 to 63 characters of A-Z a-z 0-9 _ + -");
  }
  if (base.size() + 1 + hive.size() > kNameBytesMax) return bad_name(text, "longer than 256 bytes");
  if (at != std::string_view::npos) return Name(std::string(text), *type);
  return Name(fmt::format("{}@{}", base, hive), *type);
}

Name Name::from_label(NodeType type, std::string_view label, std::string_view hive) {
  std::string field = cleaned(label, is_field_char, kFieldBytesMax, "agent");
  std::string home = cleaned(hive, is_hive_char, kHiveBytesMax, "local");
  return Name(fmt::format("{}.{}@{}", node_type_prefix(type), field, home), type);
}

std::string_view Name::base() const { return std::string_view(text_).substr(0, text_.find('@')); }
std::string_view Name::hive() const { return std::string_view(text_).substr(text_.find('@') + 1); }

Result<Ilk> Ilk::parse(std::string_view text) {
  static constexpr std::string_view kScheme = "ilk:";
  if (!text.starts_with(kScheme)) return fail(Code::kInvalid, "an identity begins with \"ilk:\"");
  SKEP_TRY(Uuid uuid, Uuid::parse(text.substr(kScheme.size())));
  return Ilk{uuid};
}

std::string Ilk::str() const { return "ilk:" + uuid.str(); }

}  // namespace skep
