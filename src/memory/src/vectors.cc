#include "vectors.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace skep::memory {
namespace {

constexpr float kLargest = 127;

struct Packed {
  float scale = 0;
  std::vector<std::int8_t> numbers;
};

Packed quantised(const Vector& vector) {
  float largest = 0;
  for (const float x : vector) largest = std::max(largest, std::abs(x));
  Packed packed{.scale = largest / kLargest, .numbers = std::vector<std::int8_t>(vector.size())};
  if (largest <= 0) return packed;
  for (std::size_t i = 0; i < vector.size(); ++i)
    packed.numbers[i] = static_cast<std::int8_t>(std::lround(vector[i] / packed.scale));
  return packed;
}

#if defined(__x86_64__)
#define SKEP_FOR_EACH_PROCESSOR __attribute__((target_clones("avx512bw", "avx2", "default")))
#else
#define SKEP_FOR_EACH_PROCESSOR
#endif

SKEP_FOR_EACH_PROCESSOR
void dot_products(const std::int8_t* rows, const std::int8_t* query, std::size_t dimensions,
                  std::size_t count, std::int32_t* out) {
  for (std::size_t row = 0; row < count; ++row) {
    const std::int8_t* const at = rows + row * dimensions;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < dimensions; ++i)
      sum += static_cast<std::int32_t>(at[i]) * static_cast<std::int32_t>(query[i]);
    out[row] = sum;
  }
}

bool nearer(const Near& a, const Near& b) { return a.cosine > b.cosine; }

}  // namespace

std::string pack_vector(const Vector& vector) {
  const Packed packed = quantised(vector);
  std::string bytes(sizeof(float) + packed.numbers.size(), '\0');
  std::memcpy(bytes.data(), &packed.scale, sizeof(float));
  std::memcpy(bytes.data() + sizeof(float), packed.numbers.data(), packed.numbers.size());
  return bytes;
}

void VectorSet::clear() { *this = VectorSet(); }

void VectorSet::add(std::int64_t id, std::string_view packed) {
  if (packed.size() <= sizeof(float)) return;
  const std::size_t dimensions = packed.size() - sizeof(float);
  if (dimensions_ == 0) dimensions_ = dimensions;
  if (dimensions != dimensions_ || !places_.emplace(id, ids_.size()).second) return;
  float scale = 0;
  std::memcpy(&scale, packed.data(), sizeof(float));
  ids_.push_back(id);
  scales_.push_back(scale);
  const auto* numbers = reinterpret_cast<const std::int8_t*>(packed.data() + sizeof(float));
  data_.insert(data_.end(), numbers, numbers + dimensions);
}

// The last one takes the place of each.
void VectorSet::erase(const std::set<std::int64_t>& ids) {
  for (const std::int64_t id : ids) {
    const auto found = places_.find(id);
    if (found == places_.end()) continue;
    const std::size_t place = found->second;
    const std::size_t last = ids_.size() - 1;
    if (place != last) {
      ids_[place] = ids_[last];
      scales_[place] = scales_[last];
      std::memcpy(data_.data() + place * dimensions_, data_.data() + last * dimensions_,
                  dimensions_);
      places_[ids_[place]] = place;
    }
    places_.erase(found);
    ids_.pop_back();
    scales_.pop_back();
    data_.resize(last * dimensions_);
  }
}

std::vector<Near> VectorSet::nearest(const Vector& query, std::size_t count) const {
  std::vector<Near> best;
  if (query.size() != dimensions_ || ids_.empty() || count == 0) return best;
  const Packed packed = quantised(query);
  constexpr std::size_t kRows = 1024;  // products of so many stay in the nearest cache
  std::vector<std::int32_t> products(kRows);
  for (std::size_t from = 0; from < ids_.size(); from += kRows) {
    const std::size_t rows = std::min(kRows, ids_.size() - from);
    dot_products(data_.data() + from * dimensions_, packed.numbers.data(), dimensions_, rows,
                 products.data());
    for (std::size_t i = 0; i < rows; ++i) {
      const Near one{ids_[from + i],
                     static_cast<float>(products[i]) * packed.scale * scales_[from + i]};
      if (best.size() == count && one.cosine <= best.front().cosine) continue;
      if (best.size() == count) {
        std::ranges::pop_heap(best, nearer);
        best.pop_back();
      }
      best.push_back(one);
      std::ranges::push_heap(best, nearer);
    }
  }
  std::ranges::sort_heap(best, nearer);
  return best;
}

float VectorSet::cosine(const Vector& query, std::int64_t id) const {
  const auto found = places_.find(id);
  if (found == places_.end() || query.size() != dimensions_) return 0;
  const Packed packed = quantised(query);
  std::int32_t product = 0;
  dot_products(data_.data() + found->second * dimensions_, packed.numbers.data(), dimensions_, 1,
               &product);
  return static_cast<float>(product) * packed.scale * scales_[found->second];
}

}  // namespace skep::memory
