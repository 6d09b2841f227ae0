// A component's roster: who sees which of our addresses, and whose presence we see.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>

#include "skep/base/result.h"
#include "skep/store/append_file.h"
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

// The same on disk: a line for each change, so that a change costs as much with ten thousand
// contacts as with one. The file is written anew when most of its lines are out of date.
class SubscriberFile {
 public:
  static constexpr std::size_t kOldLinesMax = 1000;  // and as many as there are contacts

  // `path` empty: nothing is read or written.
  explicit SubscriberFile(std::string path) : path_(std::move(path)) {}

  // Once, before the first note(). No file yet: nobody. Lines that cannot be read are left out and
  // counted in `unreadable`; the last one may be torn.
  Result<Subscribers> load();
  [[nodiscard]] std::size_t unreadable() const { return unreadable_; }

  // What holds for `one` now (none(): nothing), as it stands in `all` already.
  Result<void> note(const Subscriber& one, const Subscription& how, const Subscribers& all);

 private:
  Result<void> rewrite(const Subscribers& all);

  std::string path_;
  std::optional<store::AppendFile> log_;
  std::size_t lines_ = 0;
  std::size_t unreadable_ = 0;
};

}  // namespace skep::channels
