#include "skep/base/secret.h"

#include <openssl/crypto.h>

namespace skep {

Secret& Secret::operator=(const Secret& other) {
  if (this == &other) return *this;
  wipe(value_);
  value_ = other.value_;
  return *this;
}

// A short std::string keeps its bytes inside the object, so a moved-from one must be wiped too.
Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { wipe(other.value_); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe(value_);
  value_ = std::move(other.value_);
  wipe(other.value_);
  return *this;
}

Secret::~Secret() { wipe(value_); }

void wipe(std::string& bytes) {
  bytes.resize(
      bytes.capacity());  // what an earlier, longer value left behind goes too; never reallocates
  OPENSSL_cleanse(bytes.data(), bytes.size());
  bytes.clear();
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace skep
