#include "skep/model/errand.h"

namespace skep {
namespace {

constexpr std::string_view kErrandKey = "errand";
constexpr std::string_view kOutcomeKey = "outcome";

std::int64_t count_of(const json::value& from, std::string_view key) {
  return std::max<std::int64_t>(0, get_int(from, key).value_or(0));
}

}  // namespace

void put_errand(Message& message, const Errand& errand) {
  message.meta[kErrandKey] =
      json::object{{"tokens_max", errand.tokens_max}, {"owner", errand.owner}};
  if (errand.cost_max > 0) message.meta[kErrandKey].as_object()["cost_max"] = errand.cost_max;
  if (errand.own) message.meta[kErrandKey].as_object()["own"] = true;
}

std::optional<Errand> errand_of(const Message& message) {
  const json::value* at = message.meta.if_contains(kErrandKey);
  if (at == nullptr || !at->is_object()) return std::nullopt;
  return Errand{.tokens_max = count_of(*at, "tokens_max"),
                .cost_max = count_of(*at, "cost_max"),
                .owner = std::string(get_string(*at, "owner")),
                .own = get_bool(*at, "own").value_or(false)};
}

void put_outcome(Message& reply, const Outcome& outcome) {
  const Usage& usage = outcome.usage;
  reply.meta[kOutcomeKey] =
      json::object{{"failed", outcome.failed},         {"input", usage.input},
                   {"output", usage.output},           {"cache_read", usage.cache_read},
                   {"cache_write", usage.cache_write}, {"cost", outcome.cost}};
  if (outcome.over_budget) reply.meta[kOutcomeKey].as_object()["over_budget"] = true;
}

std::optional<Outcome> outcome_of(const Message& reply) {
  const json::value* at = reply.meta.if_contains(kOutcomeKey);
  if (at == nullptr || !at->is_object()) return std::nullopt;
  return Outcome{.failed = get_bool(*at, "failed").value_or(false),
                 .over_budget = get_bool(*at, "over_budget").value_or(false),
                 .usage = {.input = count_of(*at, "input"),
                           .output = count_of(*at, "output"),
                           .cache_read = count_of(*at, "cache_read"),
                           .cache_write = count_of(*at, "cache_write")},
                 .cost = count_of(*at, "cost")};
}

}  // namespace skep
