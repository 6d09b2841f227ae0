// A component's roster: who sees which of our addresses, and whose presence we see.
#pragma once

#include <compare>
#include <map>
#include <string>

#include "skep/base/result.h"
#include "skep/xmpp/jid.h"

namespace skep::channels {

struct Subscriber {
  xmpp::Jid address;  // ours, bare
  xmpp::Jid who;      // bare
  auto operator<=>(const Subscriber&) const = default;
};
struct Subscription {
  bool from = false;   // they see us
  bool to = false;     // we see them
  bool asked = false;  // and wait for their answer
  [[nodiscard]] bool none() const { return !from && !to && !asked; }
  bool operator==(const Subscription&) const = default;
};
using Subscribers = std::map<Subscriber, Subscription>;

// kNotFound when there is no file yet.
Result<Subscribers> load_subscribers(const std::string& file);
Result<void> save_subscribers(const std::string& file, const Subscribers& subscribers);

}  // namespace skep::channels
