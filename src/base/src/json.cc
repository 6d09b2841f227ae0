#include "skep/base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

namespace skep {
namespace {

Error parse_error(const boost::system::error_code& why, std::size_t offset) {
  return {Code::kCorrupt, fmt::format("bad JSON at byte {}: {}", offset, why.message())};
}

// "1e999" is valid JSON that no double can hold; the parser makes it infinite. Depth is bounded by
// the parse.
bool all_finite(const json::value& value) {
  if (const double* number = value.if_double()) return std::isfinite(*number);
  if (const json::array* items = value.if_array()) return std::ranges::all_of(*items, all_finite);
  if (const json::object* object = value.if_object()) {
    return std::ranges::all_of(*object,
                               [](const auto& member) { return all_finite(member.value()); });
  }
  return true;
}

// Whether a byte of the word is below 0x20, a quote or a backslash; bytes over 0x7f are none of
// these.
bool needs_escape(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x80 * kOnes;
  const auto below = [](std::uint64_t x, std::uint64_t bound) {
    return (x - bound * kOnes) & ~x & kHighs;
  };
  return (below(word, 0x20) | below(word ^ ('"' * kOnes), 1) | below(word ^ ('\\' * kOnes), 1)) !=
         0;
}

// How many blocks of sixteen bytes at the front need no escape, in bytes. A request is kilobytes of
// such text: words of eight took 4 % of a turn's instructions.
std::size_t plain_blocks(std::string_view text) {
  using Block = unsigned char __attribute__((vector_size(16)));
  std::size_t at = 0;
  for (Block block{}; text.size() - at >= sizeof block; at += sizeof block) {
    std::memcpy(&block, text.data() + at, sizeof block);
    const auto special = (block < 0x20) | (block == '"') | (block == '\\');
    std::array<std::uint64_t, 2> halves;
    static_assert(sizeof halves == sizeof special);
    std::memcpy(halves.data(), &special, sizeof halves);
    if ((halves[0] | halves[1]) != 0) break;
  }
  return at;
}

// How many bytes at the front need no escape.
std::size_t plain_prefix(std::string_view text) {
  std::size_t at = plain_blocks(text);
  for (std::uint64_t word = 0; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (needs_escape(word)) break;
  }
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 || byte == '"' || byte == '\\') break;
    ++at;
  }
  return at;
}

void append_escape(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.push_back('\\');
  switch (byte) {
    case '\b':
      return out.push_back('b');
    case '\f':
      return out.push_back('f');
    case '\n':
      return out.push_back('n');
    case '\r':
      return out.push_back('r');
    case '\t':
      return out.push_back('t');
    case '"':
    case '\\':
      return out.push_back(static_cast<char>(byte));
    default:
      break;
  }
  out.append("u00");
  out.push_back(kDigits[byte >> 4]);
  out.push_back(kDigits[byte & 15]);
}

void append_canonical(const json::value& value, std::string& out);

void append_canonical(const json::object& object, std::string& out) {
  std::vector<const json::key_value_pair*> members;
  members.reserve(object.size());
  for (const json::key_value_pair& member : object) members.push_back(&member);
  std::ranges::sort(members, {}, [](const auto* m) { return std::string_view(m->key()); });
  out.push_back('{');
  for (const json::key_value_pair* member : members) {
    if (out.back() != '{') out.push_back(',');
    append_json_string(out, member->key());
    out.push_back(':');
    append_canonical(member->value(), out);
  }
  out.push_back('}');
}

void append_canonical(const json::array& array, std::string& out) {
  out.push_back('[');
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_canonical(array[i], out);
  }
  out.push_back(']');
}

void append_canonical(const json::value& value, std::string& out) {
  if (const json::object* object = value.if_object()) return append_canonical(*object, out);
  if (const json::array* array = value.if_array()) return append_canonical(*array, out);
  out.append(json::serialize(value));
}

}  // namespace

Result<json::value> parse_json(std::string_view text, const JsonLimits& limits,
                               json::storage_ptr storage) {
  if (text.size() > limits.bytes_max) {
    return fail(Code::kTooLarge, fmt::format("JSON of {} bytes; at most {} are allowed",
                                             text.size(), limits.bytes_max));
  }
  json::parse_options options;
  options.max_depth = limits.depth_max;
  boost::system::error_code error;
  // What the parser itself needs: with a whole text at hand, seldom more than this.
  std::array<unsigned char, 1024> scratch;
  json::stream_parser parser({}, options, scratch.data(), scratch.size());
  parser.reset(std::move(storage));
  std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size())
    return fail(parse_error(json::make_error_code(json::error::extra_data), read));
  if (!error) parser.finish(error);
  if (error) return fail(parse_error(error, read));
  json::value value = parser.release();
  if (!all_finite(value)) return fail(Code::kCorrupt, "bad JSON: a number is too large");
  return value;
}

std::string to_json(const json::value& value) { return json::serialize(value); }

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (true) {
    const std::size_t plain = plain_prefix(text);
    out.append(text.substr(0, plain));
    if (plain == text.size()) break;
    append_escape(out, static_cast<unsigned char>(text[plain]));
    text.remove_prefix(plain + 1);
  }
  out.push_back('"');
}

std::string to_canonical_json(const json::value& value) {
  std::string out;
  append_canonical(value, out);
  return out;
}

const json::value* get_member(const json::value& value, std::string_view key) {
  const json::object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

std::string_view get_string(const json::value& value, std::string_view key) {
  const json::value* member = get_member(value, key);
  const json::string* text = member == nullptr ? nullptr : member->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::optional<std::int64_t> get_int(const json::value& value, std::string_view key) {
  const json::value* member = get_member(value, key);
  if (member == nullptr) return std::nullopt;
  if (const std::int64_t* number = member->if_int64()) return *number;
  const std::uint64_t* number =
      member->if_uint64();  // what we built from an unsigned value ourselves
  if (number == nullptr || !std::in_range<std::int64_t>(*number)) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<double> get_double(const json::value& value, std::string_view key) {
  const json::value* member = get_member(value, key);
  if (member == nullptr || !member->is_number()) return std::nullopt;
  return member->to_number<double>();
}

std::optional<bool> get_bool(const json::value& value, std::string_view key) {
  const json::value* member = get_member(value, key);
  const bool* flag = member == nullptr ? nullptr : member->if_bool();
  return flag == nullptr ? std::nullopt : std::optional(*flag);
}

const json::object* get_object(const json::value& value, std::string_view key) {
  const json::value* member = get_member(value, key);
  return member == nullptr ? nullptr : member->if_object();
}

const json::array* get_array(const json::value& value, std::string_view key) {
  const json::value* member = get_member(value, key);
  return member == nullptr ? nullptr : member->if_array();
}

}  // namespace skep
