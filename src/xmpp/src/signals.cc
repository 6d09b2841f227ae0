#include "skep/xmpp/signals.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::array<std::pair<SignalKind, std::string_view>, 4> kNodes = {
    {{SignalKind::kMood, kNsMood},
     {SignalKind::kActivity, kNsActivity},
     {SignalKind::kTune, kNsTune},
     {SignalKind::kLocation, kNsGeoloc}}};
constexpr std::size_t kWordBytesMax = 40;

std::string one_line(std::string_view text) {
  std::string line(cut_utf8(trim(text), kSignalBytesMax));
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

// "in_love" -> "in love"; the name of the first child that is no text.
const Element* first_word(const Element& parent, std::string_view ns) {
  for (const Element* child : parent.children()) {
    if (child->ns == ns && child->name != "text" && child->name.size() <= kWordBytesMax)
      return child;
  }
  return nullptr;
}
std::string word(const Element& element) { return replace_all(element.name, "_", " "); }

std::string joined(std::vector<std::string> parts, std::string_view separator) {
  std::erase(parts, "");
  return join(parts, separator);
}

std::string with_text(std::string words, const Element& payload, std::string_view ns) {
  const std::string text = one_line(payload.child_text("text", ns));
  if (words.empty()) return text;
  return text.empty() ? words : words + " (" + text + ")";
}

std::string mood(const Element& payload) {
  const Element* one = first_word(payload, kNsMood);
  return with_text(one ? word(*one) : "", payload, kNsMood);
}

std::string activity(const Element& payload) {
  const Element* general = first_word(payload, kNsActivity);
  const Element* specific = general ? first_word(*general, kNsActivity) : nullptr;
  return with_text(joined({general ? word(*general) : "", specific ? word(*specific) : ""}, ", "),
                   payload, kNsActivity);
}

std::string tune(const Element& payload) {
  return joined({one_line(payload.child_text("title", kNsTune)),
                 one_line(payload.child_text("artist", kNsTune))},
                " by ");
}

std::string place(const Element& payload) {
  std::vector<std::string> parts;
  for (const std::string_view name : {"text", "description", "locality", "region", "country"})
    parts.push_back(one_line(payload.child_text(name, kNsGeoloc)));
  return joined(std::move(parts), ", ");
}

std::string text_of(SignalKind kind, const Element& payload) {
  switch (kind) {
    case SignalKind::kMood:
      return mood(payload);
    case SignalKind::kActivity:
      return activity(payload);
    case SignalKind::kTune:
      return tune(payload);
    case SignalKind::kLocation:
      return place(payload);
  }
  return {};
}

}  // namespace

std::string_view namespace_of(SignalKind kind) {
  return std::ranges::find(kNodes, kind, &std::pair<SignalKind, std::string_view>::first)->second;
}

std::optional<SignalKind> signal_of(std::string_view node) {
  const auto known =
      std::ranges::find(kNodes, node, &std::pair<SignalKind, std::string_view>::second);
  return known == kNodes.end() ? std::nullopt : std::optional(known->first);
}

std::string signal_text(SignalKind kind, const Element& payload) {
  if (payload.ns != namespace_of(kind)) return {};
  return std::string(cut_utf8(text_of(kind, payload), kSignalBytesMax));
}

}  // namespace skep::xmpp
