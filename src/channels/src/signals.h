// What allowed people publish about how they are (XEP-0163).
#pragma once

#include <map>
#include <string>

#include "admission.h"
#include "skep/xmpp/pubsub.h"

namespace skep::channels {

// In memory only. Loop thread only.
class Signals {
 public:
  static constexpr std::size_t kPeopleMax = 1000;  // the oldest is forgotten
  static constexpr int kPerMinute = 12;            // of one person; more are dropped and counted

  Signals(const SignalsConfig& config, const Admission& admission, const Clock& clock,
          XmppChannelStats& stats)
      : config_(config), admission_(admission), clock_(clock), stats_(stats) {}

  // What disco#info must announce so that servers send them.
  [[nodiscard]] std::vector<std::string> features() const;
  // True: it was one of ours to judge, and is dealt with.
  bool take(const xmpp::Element& message);
  // "mood: happy; activity: working, coding": of a bare address; empty: nothing is known.
  [[nodiscard]] std::string line(const std::string& person);

 private:
  struct Heard {
    std::string text;
    WallTime at{};
  };
  using Person = std::map<xmpp::SignalKind, Heard>;
  [[nodiscard]] bool wants(xmpp::SignalKind kind) const;

  const SignalsConfig& config_;
  const Admission& admission_;
  const Clock& clock_;
  XmppChannelStats& stats_;
  FloodLimit pace_{kPerMinute, kPerMinute};
  BoundedMap<Person> people_{kPeopleMax};
};

}  // namespace skep::channels
