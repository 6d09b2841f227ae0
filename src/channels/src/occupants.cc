#include "occupants.h"

#include <algorithm>

#include "skep/base/text.h"

namespace skep::channels {

std::string Occupant::key() const {
  if (!occupant_id.empty()) return "id:" + occupant_id;
  if (!real.empty()) return "jid:" + real.str();
  return "nick:" + nick;
}

bool Occupants::set(Occupant occupant) {
  auto found = by_nick_.find(occupant.nick);
  if (found == by_nick_.end() && by_nick_.size() >= kOccupantsMax) return false;
  std::string nick = occupant.nick;
  by_nick_.insert_or_assign(std::move(nick), std::move(occupant));
  return true;
}

void Occupants::rename(const std::string& from, const std::string& to) {
  auto node = by_nick_.extract(from);
  if (node.empty()) return;
  node.key() = to;
  node.mapped().nick = to;
  by_nick_.erase(to);
  by_nick_.insert(std::move(node));
}

const Occupant* Occupants::find(const std::string& nick) const {
  const auto found = by_nick_.find(nick);
  return found == by_nick_.end() ? nullptr : &found->second;
}

const Occupant* Occupants::find_key(std::string_view key) const {
  const auto found = std::ranges::find_if(
      by_nick_, [key](const auto& entry) { return entry.second.key() == key; });
  return found == by_nick_.end() ? nullptr : &found->second;
}

std::string clean_nick(std::string_view nick) {
  std::string clean;
  for (const char c : cut_utf8(nick, Speakers::kLabelBytesMax)) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    const bool special = std::string_view(":<>()").find(c) != std::string_view::npos;
    clean += control || special ? ' ' : c;
  }
  // U+2028, U+2029 and U+0085 break lines too.
  for (const std::string_view line : {"\xE2\x80\xA8", "\xE2\x80\xA9", "\xC2\x85"})
    clean = replace_all(std::move(clean), line, " ");
  clean = trim(clean);
  return clean.empty() ? "somebody" : clean;
}

std::string Speakers::free_label(const std::string& key, const std::string& nick) {
  for (int number = 1;; ++number) {
    std::string label = number == 1 ? nick : fmt::format("{} ({})", nick, number);
    const std::string* owner = owner_.find(label);
    if (owner != nullptr && *owner != key) continue;
    owner_.touch(label) = key;
    return label;
  }
}

std::string Speakers::label(const std::string& key, std::string_view nick) {
  const std::string clean = clean_nick(nick);
  Known& known = known_.touch(key);
  if (known.nick == clean) {
    owner_.touch(known.label) = key;
    return known.label;
  }
  const std::string before = known.label;
  known.nick = clean;
  known.label = free_label(key, clean);
  return before.empty() ? known.label : fmt::format("{} (before {})", known.label, before);
}

void Speakers::rename(const std::string& from_key, const std::string& to_key) {
  const Known* known = known_.find(from_key);
  if (known == nullptr || from_key == to_key) return;
  Known moved = *known;
  known_.erase(from_key);
  owner_.touch(moved.label) = to_key;
  known_.touch(to_key) = std::move(moved);
}

}  // namespace skep::channels
