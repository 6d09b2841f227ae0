// The ways to a model, in the order of preference: the configured one with each of its keys, then
// the fallbacks.
#pragma once

#include <memory>
#include <vector>

#include "breaker.h"
#include "skep/llm/model.h"

namespace skep::llm {

struct Candidate {
  LlmConfig config;
  std::unique_ptr<Driver> driver;
  Breaker breaker;
};

// Loop thread only. Never empty; candidates stay where they are.
class Candidates {
 public:
  static Result<Candidates> open(const LlmConfig& config, net::HttpClient& http);

  // The first that may be tried; when none may, the one that may be tried soonest: refusing helps
  // nobody.
  Candidate& pick(SteadyTime now);
  // Notes how an attempt with `tried` failed and says who is next; null when that would not help,
  // or when nobody is left.
  Candidate* after_failure(Candidate& tried, const Failure& failure, int attempts_with_it,
                           SteadyTime now);

  Candidate& first() { return all_.front(); }
  [[nodiscard]] const std::vector<Candidate>& all() const { return all_; }

 private:
  std::vector<Candidate> all_;
};

}  // namespace skep::llm
