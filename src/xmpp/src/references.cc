#include "skep/xmpp/references.h"

#include <algorithm>
#include <charconv>

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::size_t kRangesMax = 16;

std::string id_of(const Element& message, std::string_view name, std::string_view ns) {
  const Element* found = message.child(name, ns);
  if (found == nullptr || found->attribute("id").size() > kReferenceBytesMax) return {};
  return std::string(found->attribute("id"));
}

// Each emoji once, in the order given (XEP-0444 4.1).
std::vector<std::string> reactions_in(const Element& element) {
  std::vector<std::string> out;
  for (const Element* child : element.children()) {
    if (child->name != "reaction" || child->ns != kNsReactions) continue;
    std::string emoji(trim(child->text()));
    const bool good = !emoji.empty() && emoji.size() <= kReactionBytesMax;
    if (good && out.size() < kReactionsMax && std::ranges::find(out, emoji) == out.end())
      out.push_back(std::move(emoji));
  }
  return out;
}

struct Range {
  std::size_t start = 0;
  std::size_t end = 0;  // behind the last
};

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

// Without numbers it is the whole body.
std::optional<Range> range_of(const Element& body, std::size_t length) {
  if (!body.has_attribute("start") && !body.has_attribute("end")) return Range{0, length};
  const auto start = number(body.attribute("start"));
  const auto end = number(body.attribute("end"));
  if (!start || !end || *start >= *end || *end > length) return std::nullopt;
  return Range{*start, *end};
}

bool begins_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::vector<Range> ranges_for(const Element& message, std::string_view feature,
                              std::size_t length) {
  std::vector<Range> ranges;
  for (const Element* child : message.children()) {
    if (child->name != "fallback" || child->ns != kNsFallback || child->attribute("for") != feature)
      continue;
    // XEP-0428 2.2: neither <body/> nor <subject/> means all of the message.
    if (child->children().empty()) ranges.push_back({0, length});
    for (const Element* part : child->children()) {
      if (part->name != "body" || part->ns != kNsFallback || ranges.size() >= kRangesMax) continue;
      if (const auto range = range_of(*part, length)) ranges.push_back(*range);
    }
  }
  return ranges;
}

}  // namespace

References read_references(const Element& message) {
  References out{.corrects = id_of(message, "replace", kNsCorrect),
                 .retracts = id_of(message, "retract", kNsRetract),
                 .answers = id_of(message, "reply", kNsReply),
                 .reacts_to = id_of(message, "reactions", kNsReactions)};
  if (!out.reacts_to.empty())
    out.reactions = reactions_in(*message.child("reactions", kNsReactions));
  return out;
}

PlainBody without_fallback(const Element& message, std::string_view body,
                           std::string_view feature) {
  const auto length = static_cast<std::size_t>(std::ranges::count_if(body, begins_code_point));
  const std::vector<Range> ranges = ranges_for(message, feature, length);
  PlainBody out;
  std::size_t at = 0;  // the code point after the present one
  bool cut = false;
  for (const char byte : body) {
    if (begins_code_point(byte)) {
      cut = std::ranges::any_of(
          ranges, [at](const Range& range) { return at >= range.start && at < range.end; });
      ++at;
    }
    (cut ? out.fallback : out.text) += byte;
  }
  return out;
}

Element fallback_for(std::string_view feature, std::size_t code_points) {
  Element fallback("fallback", std::string(kNsFallback));
  Element body("body", fallback.ns);
  body.set("start", "0").set("end", std::to_string(code_points));
  return std::move(fallback.set("for", std::string(feature)).add(std::move(body)));
}

Element quick_response(std::string_view value, std::string_view label) {
  Element response("response", std::string(kNsQuickResponse));
  response.set("value", std::string(value)).set("label", std::string(label));
  return response;
}

}  // namespace skep::xmpp
