#include "skep/model/delegation.h"

namespace skep {
namespace {

constexpr std::size_t kChainReadMax = 64;  // of what another hive says

}  // namespace

void put_delegation(Message& message, const Delegation& delegation) {
  message.meta["delegation"] =
      json::object{{"chain", json::array(delegation.chain.begin(), delegation.chain.end())}};
}

std::optional<Delegation> delegation_of(const Message& message) {
  const json::value* found = message.meta.if_contains("delegation");
  if (found == nullptr) return std::nullopt;
  const json::array* chain = get_array(*found, "chain");
  if (chain == nullptr || chain->empty() || chain->size() > kChainReadMax) return std::nullopt;
  Delegation out;
  for (const json::value& name : *chain) {
    if (!name.is_string()) return std::nullopt;
    out.chain.emplace_back(name.get_string());
  }
  return out;
}

}  // namespace skep
