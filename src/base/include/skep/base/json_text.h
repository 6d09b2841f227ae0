// JSON objects written as text, member by member, for what is written with every turn: a tree of
// values for it cost several times as much.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <iterator>
#include <string>
#include <string_view>

#include "skep/base/json.h"

namespace skep {

// Appends an object to a text that outlives it: `{` at once, `}` with end(). Keys are ours and need
// no escapes; the caller takes care that none comes twice.
class JsonObjectText {
 public:
  explicit JsonObjectText(std::string& out) : out_(out) { out_ += '{'; }

  JsonObjectText& text(std::string_view key, std::string_view value) {
    append_json_string(at(key), value);
    return *this;
  }
  JsonObjectText& number(std::string_view key, std::integral auto value) {
    fmt::format_int digits(value);
    at(key).append(digits.data(), digits.size());
    return *this;
  }
  JsonObjectText& flag(std::string_view key, bool value) {
    at(key) += value ? "true" : "false";
    return *this;
  }
  // A value that is JSON already.
  JsonObjectText& json(std::string_view key, std::string_view value) {
    at(key) += value;
    return *this;
  }
  // The text, to append the member's value to by other means.
  std::string& at(std::string_view key) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += key;
    out_ += "\":";
    return out_;
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
};

}  // namespace skep
