// Reads the members of one JSON object; the first wrong type sticks and is asked for once, at the
// end.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "skep/base/json.h"

namespace skep {

class JsonReader {
 public:
  // `what` names the object in errors ("message", "part"). `value` must outlive the reader.
  JsonReader(const json::value& value, std::string_view what) : value_(value), what_(what) {
    if (!value.is_object()) spoil("is no object");
  }

  // Absent members leave the default.
  std::string text(std::string_view key) {
    const json::value* member = get_member(value_, key);
    if (member == nullptr) return {};
    if (!member->is_string()) return spoil_type(key, "a string"), std::string();
    return std::string(get_string(value_, key));
  }
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max,
                       std::int64_t if_absent) {
    if (get_member(value_, key) == nullptr) return if_absent;
    std::optional<std::int64_t> number = get_int(value_, key);
    if (!number || *number < min || *number > max) {
      spoil_type(key, fmt::format("an integer from {} to {}", min, max));
      return if_absent;
    }
    return *number;
  }
  bool flag(std::string_view key) {
    std::optional<bool> value = get_bool(value_, key);
    if (!value && get_member(value_, key) != nullptr) spoil_type(key, "true or false");
    return value.value_or(false);
  }
  // nullptr when absent.
  const json::value* member(std::string_view key) { return get_member(value_, key); }
  const json::value* object(std::string_view key) {
    const json::value* found = get_member(value_, key);
    if (found == nullptr || found->is_object()) return found;
    spoil_type(key, "an object");
    return nullptr;
  }
  // Takes a nested value, or its error as this reader's.
  template <class T>
  T take(std::string_view key, Result<T> nested) {
    if (nested) return *std::move(nested);
    spoil(fmt::format("member \"{}\": {}", key, nested.error().message));
    return T{};
  }

  void spoil(std::string_view why) {
    if (problem_.empty()) problem_ = fmt::format("{} {}", what_, why);
  }
  [[nodiscard]] Result<void> finish() const {
    if (problem_.empty()) return {};
    return fail(Code::kCorrupt, problem_);
  }

 private:
  void spoil_type(std::string_view key, std::string_view wanted) {
    spoil(fmt::format("member \"{}\" must be {}", key, wanted));
  }

  const json::value& value_;
  std::string_view what_;
  std::string problem_;
};

}  // namespace skep
