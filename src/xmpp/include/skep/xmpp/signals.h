// What people publish about how they are (XEP-0163): mood, activity, tune, place. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "skep/xmpp/xml.h"

namespace skep::xmpp {

enum class SignalKind { kMood, kActivity, kTune, kLocation };
inline constexpr std::string_view kNsMood = "http://jabber.org/protocol/mood";          // XEP-0107
inline constexpr std::string_view kNsActivity = "http://jabber.org/protocol/activity";  // XEP-0108
inline constexpr std::string_view kNsTune = "http://jabber.org/protocol/tune";          // XEP-0118
inline constexpr std::string_view kNsGeoloc = "http://jabber.org/protocol/geoloc";      // XEP-0080
inline constexpr std::size_t kSignalBytesMax = 200;

std::string_view namespace_of(SignalKind kind);
std::optional<SignalKind> signal_of(std::string_view node);
// One line: "happy (the sun is out)", "working, coding", "Title by Artist", "Berlin, Germany".
// Empty: it says nothing, which takes back what was said before. Coordinates are not read.
std::string signal_text(SignalKind kind, const Element& payload);

}  // namespace skep::xmpp
