// JSON at the edges: parse with limits, and read members without exceptions. The value type is
// boost::json::value.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skep/base/result.h"

namespace skep {

namespace json = boost::json;

struct JsonLimits {
  std::size_t bytes_max = 32u << 20;  // longer text fails with kTooLarge
  std::size_t depth_max = 64;         // deeper nesting fails with kCorrupt
};

// RFC 8259, whole text. kCorrupt with the byte offset on bad JSON (bad UTF-8 included), kTooLarge
// over the limit. `storage`: where the value's memory comes from; copies of the value take theirs
// from there too.
Result<json::value> parse_json(std::string_view text, const JsonLimits& limits = {},
                               json::storage_ptr storage = {});
// One line, no spaces. Non-finite numbers cannot occur in a json::value that we made.
std::string to_json(const json::value& value);
// Appends `text` to `out` as a JSON string with its quotes, as to_json writes one. For text that is
// built by hand where a tree of values would cost too much; invalid UTF-8 passes as it is.
void append_json_string(std::string& out, std::string_view text);
// Object keys sorted at every level: equal values give equal text. For hashes and golden files.
std::string to_canonical_json(const json::value& value);

// Members of an object; empty or nullopt when `value` is no object, the member is absent, or of
// another type. The view lives as long as `value`.
std::string_view get_string(const json::value& value, std::string_view key);
std::optional<std::int64_t> get_int(const json::value& value, std::string_view key);
std::optional<double> get_double(const json::value& value, std::string_view key);
std::optional<bool> get_bool(const json::value& value, std::string_view key);
const json::object* get_object(const json::value& value, std::string_view key);
const json::array* get_array(const json::value& value, std::string_view key);
const json::value* get_member(const json::value& value,
                              std::string_view key);  // nullptr when absent

}  // namespace skep
