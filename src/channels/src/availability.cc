#include "availability.h"

#include <algorithm>
#include <charconv>

namespace skep::channels {
namespace {

// RFC 6121 4.7.2.3: -128 to 127; nonsense is 0.
int priority_of(const xmpp::Element& presence) {
  const std::string text = presence.child_text("priority", xmpp::kNsClient);
  int priority = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), priority);
  if (bad != std::errc() || end != text.data() + text.size()) return 0;
  return priority < -128 || priority > 127 ? 0 : priority;
}

}  // namespace

Availability::Change Availability::note(const xmpp::Jid& from, const xmpp::Element& presence,
                                        WallTime now) {
  const bool gone = presence.attribute("type") == "unavailable";
  const bool too_fast = pace_.take(from.bare().str(), now) != FloodVerdict::kPass;
  if (too_fast && !gone) return {.flooded = true};  // who goes is believed at any pace
  auto found = contacts_.find(from.bare());
  if (found == contacts_.end()) {
    if (contacts_.size() >= kContactsMax) return {};
    found = contacts_.emplace(from.bare(), Known{}).first;
  }
  Known& known = found->second;
  const bool before = online(from);
  if (gone) {
    known.resources.erase(from.resource());
    if (from.is_bare()) known.resources.clear();  // the server speaks for all of them
    if (known.resources.empty() && (before || !known.left)) known.left = now;
    return {};
  }
  const std::string show = presence.child_text("show", xmpp::kNsClient);
  if (known.resources.size() >= kResourcesMax && !known.resources.contains(from.resource()))
    return {};
  known.resources[from.resource()] = {.priority = priority_of(presence),
                                      .free = show.empty() || show == "chat"};
  Change change{.came_online = !before && online(from)};
  if (change.came_online && known.left) change.was_away = now - *known.left;
  return change;
}

bool Availability::online(const xmpp::Jid& who) const {
  const auto found = contacts_.find(who.bare());
  return found != contacts_.end() &&
         std::ranges::any_of(found->second.resources,
                             [](const auto& one) { return one.second.priority >= 0; });
}

bool Availability::free_to_talk(const xmpp::Jid& who) const {
  const auto found = contacts_.find(who.bare());
  return found != contacts_.end() &&
         std::ranges::any_of(found->second.resources, [](const auto& one) {
           return one.second.priority >= 0 && one.second.free;
         });
}

void Availability::clear() { contacts_.clear(); }

}  // namespace skep::channels
