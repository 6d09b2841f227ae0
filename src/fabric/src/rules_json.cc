// Routes and zones as the node protocol writes them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "pattern_index.h"
#include "skep/base/text.h"
#include "skep/fabric/routes.h"

namespace skep::fabric {

namespace {

constexpr std::size_t kPatternBytesMax = 256;
constexpr std::uint16_t kPriorityDefault = 100;
constexpr auto kMatchWords = std::to_array<std::string_view>({"EXACT", "PREFIX", "GLOB"});
constexpr auto kActionWords = std::to_array<std::string_view>({"DROP", "REDIRECT", "FALLBACK"});
constexpr std::string_view kForward = "FORWARD";  // of other implementations: a fallback

using Where = std::string_view;  // "routes[3]": where an entry stands, for messages

std::unexpected<Error> bad(Where where, std::string_view why) {
  return fail(Code::kInvalid, fmt::format("{}: {}", where, why));
}

template <std::size_t N>
std::optional<std::size_t> word_at(const std::array<std::string_view, N>& words,
                                   std::string_view word) {
  auto at = std::ranges::find(words, word);
  if (at == words.end()) return std::nullopt;
  return static_cast<std::size_t>(at - words.begin());
}

bool is_pattern_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-+.@*").contains(c);
}

Result<Pattern> checked(Pattern pattern, Where where) {
  const std::string& text = pattern.text;
  if (text.empty() || text.size() > kPatternBytesMax || !std::ranges::all_of(text, is_pattern_char))
    return bad(where, "a pattern is 1 to 256 characters of A-Z a-z 0-9 _ - + . @ *");
  if (pattern.match == Match::kExact && !text.contains('*')) {
    if (auto name = Name::parse(text); !name) return bad(where, name.error().message);
  } else if (pattern.match == Match::kExact) {
    return bad(where, fmt::format("\"{}\" holds '*': its match_kind is PREFIX or GLOB", text));
  }
  if (pattern.match != Match::kPrefix) return pattern;
  const std::string_view stem = prefix_stem(text);
  if (stem.empty() || stem.contains('*') || stem.contains('@')) {
    return bad(where, fmt::format("\"{}\" is no prefix such as \"AI.sop.*\": its match_kind is "
                                  "EXACT or GLOB",
                                  text));
  }
  return pattern;
}

Result<std::uint64_t> number(const json::value& entry, std::string_view key, std::uint64_t absent,
                             std::uint64_t most, Where where) {
  if (get_member(entry, key) == nullptr) return absent;
  const auto given = get_int(entry, key);
  if (!given || *given < 0 || static_cast<std::uint64_t>(*given) > most)
    return bad(where, fmt::format("\"{}\" must be a whole number of 0 to {}", key, most));
  return static_cast<std::uint64_t>(*given);
}

Result<std::string> text(const json::value& entry, std::string_view key, Where where) {
  const json::value* member = get_member(entry, key);
  if (member == nullptr || member->is_null()) return std::string();
  if (!member->is_string()) return bad(where, fmt::format("\"{}\" must be a string", key));
  return std::string(member->as_string());
}

Result<void> known_members(const json::value& entry, std::span<const std::string_view> known,
                           Where where) {
  if (!entry.is_object()) return bad(where, "must be an object");
  for (const auto& [key, value] : entry.as_object()) {
    if (std::ranges::find(known, std::string_view(key)) == known.end())
      return bad(where, fmt::format("\"{}\" is not known here", cut_utf8(key, 80)));
  }
  return {};
}

Result<Pattern> pattern_of(const json::value& entry, std::string_view key, Where where) {
  Pattern pattern;
  SKEP_TRY(pattern.text, text(entry, key, where));
  SKEP_TRY(const std::string kind, text(entry, "match_kind", where));
  const auto match =
      kind.empty() ? static_cast<std::size_t>(Match::kPrefix) : word_at(kMatchWords, kind);
  if (!match) return bad(where, "\"match_kind\" must be EXACT, PREFIX or GLOB");
  pattern.match = static_cast<Match>(*match);
  return checked(std::move(pattern), where);
}

Result<StaticRoute::Action> action_of(const json::value& entry, Where where) {
  SKEP_TRY(const std::string word, text(entry, "action", where));
  if (word == kForward) return StaticRoute::Action::kFallback;
  const auto action = word_at(kActionWords, word);
  if (!action) return bad(where, "\"action\" must be DROP, REDIRECT, FALLBACK or FORWARD");
  return static_cast<StaticRoute::Action>(*action);
}

Result<std::string> goal_of(const json::value& entry, Where where) {
  SKEP_TRY(std::string to, text(entry, "to", where));
  SKEP_TRY(const std::string hive, text(entry, "next_hop_hive", where));
  if (!to.empty() && !hive.empty()) return bad(where, "give \"to\" or \"next_hop_hive\", not both");
  if (!hive.empty()) to = "@" + hive;
  if (to.empty()) return to;
  // A hive is valid when a name in it is.
  auto name = to.starts_with('@') ? Name::parse("AI.x" + to) : Name::parse(to);
  if (!name) return bad(where, fmt::format("where it leads: {}", name.error().message));
  return to;
}

Result<StaticRoute> route_of(const json::value& entry, Where where) {
  static constexpr auto kKnown =
      std::to_array<std::string_view>({"prefix", "match_kind", "action", "next_hop_hive", "to",
                                       "metric", "priority", "flags", "installed_at"});
  SKEP_TRY_VOID(known_members(entry, kKnown, where));
  StaticRoute route;
  SKEP_TRY(route.pattern, pattern_of(entry, "prefix", where));
  SKEP_TRY(route.action, action_of(entry, where));
  SKEP_TRY(route.to, goal_of(entry, where));
  const bool drop = route.action == StaticRoute::Action::kDrop;
  if (drop) route.to.clear();
  if (!drop && route.to.empty())
    return bad(where, "it leads nowhere: give \"to\" (a name) or \"next_hop_hive\"");
  SKEP_TRY(const std::uint64_t priority,
           number(entry, "priority", kPriorityDefault, UINT16_MAX, where));
  SKEP_TRY(const std::uint64_t metric, number(entry, "metric", 0, UINT32_MAX, where));
  route.priority = static_cast<std::uint16_t>(priority);
  route.metric = static_cast<std::uint32_t>(metric);
  return route;
}

Result<ZoneRule> zone_rule_of(const json::value& entry, Where where) {
  static constexpr auto kKnown =
      std::to_array<std::string_view>({"pattern", "match_kind", "vpn_id", "priority", "flags"});
  SKEP_TRY_VOID(known_members(entry, kKnown, where));
  ZoneRule rule;
  SKEP_TRY(rule.pattern, pattern_of(entry, "pattern", where));
  if (get_member(entry, "vpn_id") == nullptr) return bad(where, "\"vpn_id\" is missing");
  SKEP_TRY(const std::uint64_t zone, number(entry, "vpn_id", 0, UINT32_MAX, where));
  SKEP_TRY(const std::uint64_t priority,
           number(entry, "priority", kPriorityDefault, UINT16_MAX, where));
  rule.zone = static_cast<std::uint32_t>(zone);
  rule.priority = static_cast<std::uint16_t>(priority);
  return rule;
}

// The list in `value`, each entry read by `read`.
template <class Entry>
Result<std::vector<Entry>> entries_of(const json::value& value, std::string_view key,
                                      std::size_t entries_max,
                                      Result<Entry> (*read)(const json::value&, Where)) {
  const json::array* array = value.is_array() ? &value.get_array() : get_array(value, key);
  if (array == nullptr) return fail(Code::kInvalid, fmt::format("\"{}\" must be an array", key));
  if (array->size() > entries_max) {
    return fail(Code::kTooLarge, fmt::format("{} entries of \"{}\" are more than the {} allowed",
                                             array->size(), key, entries_max));
  }
  std::vector<Entry> entries;
  std::size_t globs = 0;
  for (const json::value& each : *array) {
    SKEP_TRY(Entry entry, read(each, fmt::format("{}[{}]", key, entries.size())));
    globs += entry.pattern.match == Match::kGlob ? 1 : 0;
    entries.push_back(std::move(entry));
  }
  if (globs <= kGlobsMax) return entries;
  return fail(Code::kTooLarge,
              fmt::format("{} GLOB patterns in \"{}\" are more than the {} allowed: "
                          "use PREFIX or EXACT",
                          globs, key, kGlobsMax));
}

std::string_view word_of(Match match) { return kMatchWords[static_cast<std::size_t>(match)]; }

}  // namespace

Result<std::vector<StaticRoute>> routes_from_json(const json::value& value) {
  return entries_of<StaticRoute>(value, "routes", kRoutesMax, route_of);
}
Result<std::vector<ZoneRule>> zones_from_json(const json::value& value) {
  return entries_of<ZoneRule>(value, "vpns", kZoneRulesMax, zone_rule_of);
}

json::value to_json_value(const std::vector<StaticRoute>& routes) {
  json::array array;
  for (const StaticRoute& route : routes) {
    json::object entry{{"prefix", route.pattern.text},
                       {"match_kind", word_of(route.pattern.match)}};
    const bool to_hive = route.to.starts_with('@');
    const bool forward = route.action == StaticRoute::Action::kFallback && to_hive;
    entry["action"] = forward ? kForward : kActionWords[static_cast<std::size_t>(route.action)];
    if (to_hive) entry["next_hop_hive"] = std::string_view(route.to).substr(1);
    if (!to_hive && !route.to.empty()) entry["to"] = route.to;
    entry["metric"] = route.metric;
    entry["priority"] = route.priority;
    array.push_back(std::move(entry));
  }
  return json::object{{"routes", std::move(array)}};
}

json::value to_json_value(const std::vector<ZoneRule>& zones) {
  json::array array;
  for (const ZoneRule& rule : zones) {
    array.push_back(json::object{{"pattern", rule.pattern.text},
                                 {"match_kind", word_of(rule.pattern.match)},
                                 {"vpn_id", rule.zone},
                                 {"priority", rule.priority}});
  }
  return json::object{{"vpns", std::move(array)}};
}

}  // namespace skep::fabric
