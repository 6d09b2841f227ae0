// Who is online, as far as we are told.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "flood.h"
#include "skep/xmpp/stanza.h"

namespace skep::channels {

// Loop thread only. Knows bare addresses whose presence we may see; the owner decides which.
class Availability {
 public:
  static constexpr std::size_t kContactsMax = 10'000;  // further ones are not looked at
  static constexpr std::size_t kResourcesMax = 16;     // of one; further ones likewise
  static constexpr int kPerMinuteMax = 60;  // presences of one contact; more are passed over

  struct Change {
    bool came_online = false;
    bool flooded = false;
    // Before it came: how long it was away; nullopt when that is not known.
    std::optional<Millis> was_away = std::nullopt;
  };
  // An available or unavailable presence.
  Change note(const xmpp::Jid& from, const xmpp::Element& presence, WallTime now);
  // Somebody reads what comes now: a resource that is there and does not refuse messages.
  [[nodiscard]] bool online(const xmpp::Jid& who) const;
  // … and wants to be spoken to: not away, not "do not disturb".
  [[nodiscard]] bool free_to_talk(const xmpp::Jid& who) const;
  void clear();  // the link is lost: nothing is known
  void forget(const xmpp::Jid& who) { contacts_.erase(who.bare()); }
  [[nodiscard]] std::size_t size() const { return contacts_.size(); }

 private:
  struct Resource {
    int priority = 0;
    bool free = true;
  };
  struct Known {
    std::map<std::string, Resource> resources;
    std::optional<WallTime> left;  // when the last resource went
  };
  std::map<xmpp::Jid, Known> contacts_;
  FloodLimit pace_{kPerMinuteMax, kPerMinuteMax};
};

}  // namespace skep::channels
