// Values that everybody of a house reads: the keys with `shared.` in front.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skep/memory/tables.h"

namespace skep::memory {

struct SharedValue {
  std::string key;    // without `shared.`
  std::string value;  // JSON
  std::int64_t version = 0;
  WallTime updated{};
  std::string agent, person;  // who wrote it, and for whom
  std::string taint;          // labels of the turn that wrote it
  bool operator==(const SharedValue&) const = default;
};
inline constexpr std::size_t shared_key_bytes_max = 256;
inline constexpr std::size_t shared_value_bytes_max = 1u << 20;
inline constexpr std::size_t shared_values_max = 10'000;

// Loop thread only. Failures beside the file's own: kInvalid, kTooLarge, kExhausted for the limits
// above.
class SharedValues {
 public:
  SharedValues(LazyDb& db, const Clock& clock) : db_(db), clock_(clock) {}

  // The new version, 1 for a new key. `expected`: kConflict when the version that is there is
  // another (0: none).
  Task<Result<std::int64_t>> put(Ctx ctx, SharedValue value,
                                 std::optional<std::int64_t> expected = {});
  Task<Result<std::optional<SharedValue>>> get(Ctx ctx, std::string key);
  // By key; those whose key or value holds `query` in any case, all when it is empty.
  Task<Result<std::vector<SharedValue>>> find(Ctx ctx, std::string query);
  Task<Result<bool>> erase(Ctx ctx, std::string key);

 private:
  LazyDb& db_;
  const Clock& clock_;
};

}  // namespace skep::memory
