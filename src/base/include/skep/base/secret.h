// Keys and passwords.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace skep {

// A string that is wiped when it dies and cannot be printed by accident: it has no conversion to
// text, no fmt formatter and no stream operator. Only reveal() gives the bytes; grep for it to
// audit who uses them.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  [[nodiscard]] std::string_view reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

// Overwrites the bytes in a way that the optimiser must keep.
void wipe(std::string& bytes);

// True when equal; takes the same time wherever they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// `text` with everything that looks like a key, token or password masked ("sk-…", "Bearer …",
// "key=…"), for logs and errors that carry a foreign server's words. At most `bytes_max` bytes, cut
// on a character border.
std::string redact(std::string_view text, std::size_t bytes_max);

}  // namespace skep
