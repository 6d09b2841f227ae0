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
  if (errand.own) message.meta[kErrandKey].as_object()["own"] = true;
}

std::optional<Errand> errand_of(const Message& message) {
  const json::value* at = message.meta.if_contains(kErrandKey);
  if (at == nullptr || !at->is_object()) return std::nullopt;
  return Errand{.tokens_max = count_of(*at, "tokens_max"),
                .owner = std::string(get_string(*at, "owner")),
                .own = get_bool(*at, "own").value_or(false)};
}

void put_outcome(Message& reply, const Outcome& outcome) {
  const Usage& usage = outcome.usage;
  reply.meta[kOutcomeKey] = json::object{{"failed", outcome.failed},
                                         {"input", usage.input},
                                         {"output", usage.output},
                                         {"cache_read", usage.cache_read},
                                         {"cache_write", usage.cache_write}};
}

std::optional<Outcome> outcome_of(const Message& reply) {
  const json::value* at = reply.meta.if_contains(kOutcomeKey);
  if (at == nullptr || !at->is_object()) return std::nullopt;
  return Outcome{.failed = get_bool(*at, "failed").value_or(false),
                 .usage = {.input = count_of(*at, "input"),
                           .output = count_of(*at, "output"),
                           .cache_read = count_of(*at, "cache_read"),
                           .cache_write = count_of(*at, "cache_write")}};
}

}  // namespace skep
