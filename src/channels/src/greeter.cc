#include "greeter.h"

#include "skep/base/json.h"
#include "skep/base/local_time.h"
#include "skep/base/log.h"
#include "skep/store/append_file.h"

namespace skep::channels {

Greeter::Greeter(Deps deps) : deps_(std::move(deps)) {
  if (deps_.config.speaks()) load();
}

void Greeter::load() {
  if (deps_.file.empty()) return;
  const auto text = store::read_file(deps_.file);
  if (!text) return;
  const auto value = parse_json(*text);
  const json::array* list = value ? get_array(*value, "greeted") : nullptr;
  if (list == nullptr) {
    log::warn("xmpp", "{} cannot be read: people may be greeted again", deps_.file);
    return;
  }
  for (const json::value& one : *list) {
    const auto at = parse_rfc3339(get_string(one, "at"));
    if (at) greeted_[std::string(get_string(one, "jid"))] = *at;
  }
}

void Greeter::save() const {
  if (deps_.file.empty()) return;
  json::array list;
  for (const auto& [who, at] : greeted_)
    list.push_back(json::object{{"jid", who}, {"at", format_rfc3339(at)}});
  const json::object all{{"version", 1}, {"greeted", std::move(list)}};
  if (auto saved = store::write_file(deps_.file, to_json(all)); !saved)
    log::warn("xmpp", "who was greeted could not be written: {}", saved.error().to_string());
}

bool Greeter::is_due(const std::string& who, WallTime now) {
  std::erase_if(greeted_, [&](const auto& one) { return now - one.second >= deps_.config.pause; });
  if (greeted_.contains(who) || greeted_.size() >= kGreetedMax) return false;
  if (!deps_.config.quiet) return true;
  const auto local = now.time_since_epoch() + utc_offset(now, deps_.config.time_zone);
  const auto minute = std::chrono::duration_cast<std::chrono::minutes>(local).count() % (24 * 60);
  return !deps_.config.quiet->holds(static_cast<int>(minute));
}

bool Greeter::came_online(const xmpp::Jid& address, const xmpp::Jid& who,
                          std::optional<Millis> was_away) {
  const PresenceConfig& config = deps_.config;
  if (!config.speaks() || !was_away || *was_away < config.offline_min) return false;
  const std::string name = who.bare().str();
  const WallTime now = deps_.clock.now();
  if (!is_due(name, now)) return false;
  greeted_[name] = now;
  save();  // before it is said: once too few rather than once too often
  Result<void> said;
  if (!config.greeting.empty()) said = deps_.say(address, who.bare(), config.greeting);
  if (said && !config.prompt.empty()) said = deps_.ask(address, who.bare(), config.prompt);
  if (!said) log::warn("xmpp", "{} is not greeted: {}", name, said.error().to_string());
  return said.has_value();
}

}  // namespace skep::channels
