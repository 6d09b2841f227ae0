#include "signals.h"

#include <algorithm>

#include "skep/channels/signals_config.h"

namespace skep::channels {
namespace {

using xmpp::SignalKind;

struct Named {
  SignalKind kind;
  std::string_view name;
};
constexpr Named kNames[] = {{SignalKind::kMood, "mood"},
                            {SignalKind::kActivity, "activity"},
                            {SignalKind::kTune, "tune"},
                            {SignalKind::kLocation, "location"}};

std::string_view name_of(SignalKind kind) {
  return std::ranges::find(kNames, kind, &Named::kind)->name;
}

}  // namespace

SignalsConfig SignalsConfig::read(ConfigSection section) {
  SignalsConfig config;
  std::vector<std::string> enabled;
  section.read("enabled", enabled);
  for (const std::string& name : enabled) {
    const auto* known = std::ranges::find(kNames, name, &Named::name);
    if (known == std::end(kNames)) {
      section.problem("enabled", "\"" + name + "\" is none of mood, activity, tune, location");
    } else if (std::ranges::find(config.kinds, known->kind) == config.kinds.end()) {
      config.kinds.push_back(known->kind);
    }
  }
  section.read_duration("ttl_mins", std::chrono::minutes(1), config.ttl);
  return config;
}

bool Signals::wants(SignalKind kind) const {
  return std::ranges::find(config_.kinds, kind) != config_.kinds.end();
}

std::vector<std::string> Signals::features() const {
  std::vector<std::string> features;
  for (const SignalKind kind : config_.kinds)
    features.push_back(std::string(xmpp::namespace_of(kind)) + "+notify");
  return features;
}

// XEP-0163 4.3.2: the person's own server says it, in the name of the bare address.
bool Signals::take(const xmpp::Element& message) {
  const auto event = xmpp::read_event(message);
  const auto kind = event ? xmpp::signal_of(event->node) : std::nullopt;
  if (!kind) return false;
  const auto from = xmpp::Jid::parse(message.attribute("from"));
  const bool allowed = from && from->is_bare() && wants(*kind) && admission_.permits(*from);
  if (!allowed) {
    ++stats_.events_refused;
    return true;
  }
  const WallTime now = clock_.now();
  if (pace_.take(from->str(), now) != FloodVerdict::kPass) {
    ++stats_.event_floods;
    return true;
  }
  ++stats_.events;
  Person& person = people_.touch(from->str());
  std::string text;
  if (!event->items.empty()) text = xmpp::signal_text(*kind, event->items.back().payload);
  if (text.empty()) {
    person.erase(*kind);
  } else {
    person[*kind] = {std::move(text), now};
  }
  return true;
}

std::string Signals::line(const std::string& person) {
  Person* known = people_.find(person);
  if (known == nullptr) return {};
  const WallTime now = clock_.now();
  std::erase_if(*known, [&](const auto& one) { return now - one.second.at > config_.ttl; });
  std::string line;
  for (const auto& [kind, heard] : *known)
    line += fmt::format("{}{}: {}", line.empty() ? "" : "; ", name_of(kind), heard.text);
  return line;
}

}  // namespace skep::channels
