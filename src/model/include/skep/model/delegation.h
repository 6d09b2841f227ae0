// A message that one agent sends to another while it works on something itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skep/model/message.h"

namespace skep {

// Lives in Message::meta under "delegation". Says whose turns wait for the answer, so that a chain
// of agents that ask each other ends.
struct Delegation {
  static constexpr std::size_t depth_max = 5;  // agents in the chain; the next one is refused

  std::vector<std::string> chain;  // node names, the first asked by a person; never empty
  bool operator==(const Delegation&) const = default;
};
void put_delegation(Message& message, const Delegation& delegation);
// nullopt: absent, or not of this form.
std::optional<Delegation> delegation_of(const Message& message);

}  // namespace skep
