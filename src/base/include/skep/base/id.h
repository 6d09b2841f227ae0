// Identifiers. Each kind of id has its own type, so that two kinds cannot be swapped by mistake.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "skep/base/clock.h"
#include "skep/base/result.h"

namespace skep {

// A string that names one kind of thing. `struct TurnTag; using TurnId = StrongId<TurnTag>;`
template <class Tag>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& str() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  auto operator<=>(const StrongId&) const = default;

 private:
  std::string value_;
};

// RFC 4122 UUID. Text form is lower case with dashes.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  static Uuid random();  // version 4, from the system's random source
  static Result<Uuid> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool is_nil() const { return bytes == std::array<std::uint8_t, 16>{}; }
  auto operator<=>(const Uuid&) const = default;
};

// 26 characters of Crockford base32: 48 bits of milliseconds, 80 random bits. Sorts by time; ids
// minted by one process in the same millisecond still ascend. Thread-safe.
std::string mint_ulid();
// One of that time and the first ten of `bytes`: the same from the same.
std::string ulid_of(WallTime time, std::string_view bytes);

// `bytes` from the system's cryptographic random source.
std::string random_bytes(std::size_t bytes);

}  // namespace skep

template <class Tag>
struct std::hash<skep::StrongId<Tag>> {
  std::size_t operator()(const skep::StrongId<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
template <>
struct std::hash<skep::Uuid> {
  std::size_t operator()(const skep::Uuid& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.bytes.data()), 16});
  }
};
