#include "skep/schedule/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "skep/base/text.h"

namespace skep::schedule {
namespace {

constexpr std::string_view kPublishedAction = "EVENT";

bool is_of_agents(const Event& event) { return event.action.starts_with("AGENT_"); }
bool is_of_memory(const Event& event) { return event.action.starts_with("MEMORY_UPDATE"); }
bool contains(std::string_view text, std::string_view what) {
  return to_lower_ascii(text).contains(what);
}

}  // namespace

Event Event::from(std::string_view action, std::string_view payload) {
  Event event{.action = std::string(cut_utf8(to_valid_utf8(action), 128)),
              .payload = std::string(cut_utf8(to_valid_utf8(payload), text_bytes_max))};
  const auto value = parse_json(payload, {.bytes_max = 64u << 10, .depth_max = 32});
  if (!value) return event;
  event.key = get_string(*value, "key");
  event.type = get_string(*value, "type");
  event.name = get_string(*value, "name");
  event.id = get_string(*value, "id");
  return event;
}

std::string Event::text() const { return fmt::format("{} {}", action, payload); }

Result<Condition> Condition::parse(std::string_view text) {
  using Named = std::pair<std::string_view, Kind>;
  static constexpr Named kWords[] = {{"all", Kind::kAll},
                                     {"event:agent_spawned", Kind::kSpawned},
                                     {"event:agent_terminated", Kind::kTerminated},
                                     {"event:lifecycle", Kind::kLifecycle},
                                     {"event:memory_update", Kind::kMemory},
                                     {"event:system", Kind::kSystem}};
  static constexpr Named kPrefixes[] = {
      {"memory:", Kind::kKey}, {"published:", Kind::kPublished}, {"content:", Kind::kContent}};
  Condition condition;
  if (text.size() > text_bytes_max)
    return fail(Code::kInvalid, fmt::format("a condition has at most {} bytes", text_bytes_max));
  std::vector<std::string> known;
  for (const auto& [word, kind] : kWords) {
    condition.kind_ = kind;
    if (text == word) return condition;
    known.emplace_back(word);
  }
  for (const auto& [prefix, kind] : kPrefixes) {
    known.push_back(fmt::format("{}…", prefix));
    if (!text.starts_with(prefix) || text.size() == prefix.size()) continue;
    condition.kind_ = kind;
    const std::string_view rest = text.substr(prefix.size());
    condition.text_ = kind == Kind::kPublished ? std::string(rest) : to_lower_ascii(rest);
    return condition;
  }
  const std::string shown(cut_utf8(to_valid_utf8(text), 64));
  const auto near = nearest(shown, known);
  return fail(Code::kInvalid, fmt::format("there is no condition \"{}\"{}; there are {}", shown,
                                          near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                          join(known, ", ")));
}

bool Condition::matches(const Event& event) const {
  switch (kind_) {
    case Kind::kAll:
      return true;
    case Kind::kSpawned:
      return event.action == "AGENT_SPAWNED";
    case Kind::kTerminated:
      return event.action == "AGENT_TERMINATED" || event.action == "AGENT_CRASHED";
    case Kind::kLifecycle:
      return is_of_agents(event);
    case Kind::kMemory:
      return is_of_memory(event);
    case Kind::kSystem:
      return !is_of_agents(event) && !is_of_memory(event) && event.action != kPublishedAction;
    case Kind::kKey:
      return is_of_memory(event) && contains(event.key, text_);
    case Kind::kPublished:
      return event.action == kPublishedAction && event.type == text_;
    case Kind::kContent:
      return contains(event.payload, text_);
  }
  return false;
}

}  // namespace skep::schedule
