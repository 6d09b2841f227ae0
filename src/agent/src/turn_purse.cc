// What a turn may cost, where whoever gave the task has said so.
#include <fmt/format.h>

#include <algorithm>

#include "skep/model/errand.h"
#include "turn.h"

namespace skep::agent {
namespace {

std::int64_t tokens_used(const TurnState& state) {
  const Usage& used = state.usage;
  return used.input + used.output + used.cache_read + used.cache_write;
}

// Who gave the task said how much it may cost; 0: nobody did.
std::int64_t tokens_given(const TurnState& state, const AgentConfig& config) {
  const auto errand = errand_of(state.message);
  if (!errand || errand->tokens_max <= 0) return config.turn_tokens_max;
  if (config.turn_tokens_max <= 0) return errand->tokens_max;
  return std::min(errand->tokens_max, config.turn_tokens_max);
}

PicoUsd cost_given(const TurnState& state) {
  const auto errand = errand_of(state.message);
  return errand ? errand->cost_max : 0;
}

}  // namespace

std::optional<Halt> Turn::all_spent() const {
  if (const PicoUsd given = cost_given(state_); given > 0 && state_.cost >= given) {
    return Halt{Halt::Why::kQuota,
                {Code::kExhausted,
                 fmt::format("The task was given {}, and it is used up.", format_usd(given))}};
  }
  const std::int64_t given = tokens_given(state_, config_);
  if (given <= 0 || tokens_used(state_) < given) return std::nullopt;
  return Halt{Halt::Why::kQuota,
              {Code::kExhausted,
               fmt::format("The task was given {} tokens, and they are used up.", given)}};
}

std::int64_t Turn::tokens_left() const {
  const std::int64_t given = tokens_given(state_, config_);
  return given <= 0 ? 0 : std::max<std::int64_t>(1, given - tokens_used(state_));
}

PicoUsd Turn::cost_left() const {
  const PicoUsd given = cost_given(state_);
  return given <= 0 ? 0 : std::max<PicoUsd>(1, given - state_.cost);
}

}  // namespace skep::agent
