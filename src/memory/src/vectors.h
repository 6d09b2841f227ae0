// Many vectors in a row, compared with one. Private to the room.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "skep/memory/embeddings.h"

namespace skep::memory {

// A vector of length 1 in one byte a number: a float that scales them, then the bytes. Dot products
// of these differ by some thousandths from exact ones.
std::string pack_vector(const Vector& vector);

struct Near {
  std::int64_t id = 0;
  float cosine = 0;
};

// Not thread-safe. 300 bytes a vector of 256 numbers.
class VectorSet {
 public:
  void clear();
  // A packed vector; one of another length than the others is left out.
  void add(std::int64_t id, std::string_view packed);
  void erase(const std::set<std::int64_t>& ids);
  [[nodiscard]] std::size_t size() const { return ids_.size(); }
  [[nodiscard]] std::size_t bytes() const { return data_.size(); }
  // The nearest first. Looks at all of them: 100,000 in about 3 ms.
  [[nodiscard]] std::vector<Near> nearest(const Vector& query, std::size_t count) const;
  // 0 when it is not here.
  [[nodiscard]] float cosine(const Vector& query, std::int64_t id) const;

 private:
  std::size_t dimensions_ = 0;
  std::vector<std::int64_t> ids_;
  std::vector<float> scales_;
  std::vector<std::int8_t> data_;
  std::unordered_map<std::int64_t, std::size_t> places_;
};

}  // namespace skep::memory
