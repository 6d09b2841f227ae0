// Who is in a room, and by what name the agent knows them.
#pragma once

#include <map>
#include <string>

#include "bounded_map.h"
#include "skep/xmpp/muc.h"

namespace skep::channels {

struct Occupant {
  std::string nick;
  std::string affiliation = "none";
  std::string role = "none";
  xmpp::Jid real;  // bare; empty when the room hides it
  std::string occupant_id;

  // By what we tell people apart: occupant id, else real address, else nick.
  [[nodiscard]] std::string key() const;
};

// By nick. A presence flood ends at kOccupantsMax: whoever comes later counts as unknown.
class Occupants {
 public:
  static constexpr std::size_t kOccupantsMax = 2000;

  bool set(Occupant occupant);  // false: the table is full
  void remove(const std::string& nick) { by_nick_.erase(nick); }
  void rename(const std::string& from, const std::string& to);
  void clear() { by_nick_.clear(); }
  [[nodiscard]] const Occupant* find(const std::string& nick) const;
  [[nodiscard]] const Occupant* find_key(std::string_view key) const;
  [[nodiscard]] std::size_t size() const { return by_nick_.size(); }

 private:
  std::map<std::string, Occupant> by_nick_;
};

// Names for the transcript: one line each, no two people the same. Whoever takes over another's
// nick is "ann (2)"; who speaks for the first time under a new nick is "annie (before ann)".
class Speakers {
 public:
  static constexpr std::size_t kSpeakersMax = 2000;  // forgotten ones are new
  static constexpr std::size_t kLabelBytesMax = 64;

  std::string label(const std::string& key, std::string_view nick);
  // Without occupant ids a change of nick is a change of key.
  void rename(const std::string& from_key, const std::string& to_key);

 private:
  struct Known {
    std::string nick;  // cleaned
    std::string label;
  };
  std::string free_label(const std::string& key, const std::string& nick);
  BoundedMap<Known> known_{kSpeakersMax};
  BoundedMap<std::string> owner_{2 * kSpeakersMax};  // label -> key
};

// A nick as part of a line: no control characters, nothing that ends a name or a block.
std::string clean_nick(std::string_view nick);

}  // namespace skep::channels
