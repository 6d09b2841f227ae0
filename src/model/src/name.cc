#include "skep/model/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "skep/base/text.h"

namespace skep {
namespace {

constexpr std::size_t kNameBytesMax = 256;
constexpr std::size_t kFieldsMin = 2, kFieldsMax = 10;  // the type counts as one
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

bool is_hive_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}
bool is_field_char(char c) { return is_hive_char(c) || c == '+'; }

std::optional<NodeType> type_of(std::string_view prefix) {
  auto at = std::ranges::find(kTypes, prefix, &TypePrefix::prefix);
  return at == kTypes.end() ? std::nullopt : std::optional(at->type);
}

bool is_field(std::string_view text) {
  return !text.empty() && text.size() <= kFieldBytesMax && std::ranges::all_of(text, is_field_char);
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
  std::vector<std::string_view> fields = split(base, '.');
  std::optional<NodeType> type = type_of(fields.front());
  if (!type) return bad_name(text, "it must begin with RT, SY, IO, AI or WF and a dot");
  if (fields.size() < kFieldsMin || fields.size() > kFieldsMax)
    return bad_name(text, "2 to 10 fields are allowed");
  if (!std::ranges::all_of(fields, is_field)) {
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
