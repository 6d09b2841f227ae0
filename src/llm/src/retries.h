// Whether a call that failed is made again, and when: the one answer to that, for models as for
// embeddings.
#pragma once

#include <chrono>
#include <optional>
#include <random>

#include "skep/llm/driver.h"

namespace skep::llm {

// For failures that may pass.
struct RetryRule {
  int retries = 0;                     // after the first attempt, with one way to the model
  std::chrono::milliseconds budget{};  // all waiting together
};

// What one call has tried so far.
struct Attempts {
  int made = 0;            // with all ways
  int made_with = 0;       // with this one
  int second_chances = 1;  // for an empty or garbled answer
  std::chrono::milliseconds waited{0};
};

// Loop thread only.
class Retries {
 public:
  explicit Retries(RetryRule rule) : rule_(rule), random_(std::random_device{}()) {}
  // How long to wait before another attempt, which counts as waited then; nothing: the failure
  // stands.
  std::optional<std::chrono::milliseconds> next(const Failure& failure, Attempts& attempts);

 private:
  RetryRule rule_;
  std::minstd_rand random_;
};

}  // namespace skep::llm
