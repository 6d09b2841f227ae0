#include "config_commands.h"

#include <algorithm>

namespace skep::fabric {

namespace {

// The list's member and the pattern's member in an entry.
std::string_view list_key(Section section) {
  return section == Section::kRoutes ? "routes" : "vpns";
}
std::string_view pattern_key(Section section) {
  return section == Section::kRoutes ? "prefix" : "pattern";
}

// An entry that leaves match_kind out means PREFIX when added, and any kind when deleted.
bool is_same_pattern(const json::value& there, const json::value& given, Section section,
                     std::string_view kind_absent) {
  const std::string_view key = pattern_key(section), kind = get_string(given, "match_kind");
  const std::string_view wanted = kind.empty() ? kind_absent : kind;
  return get_string(there, key) == get_string(given, key) &&
         (wanted.empty() || get_string(there, "match_kind") == wanted);
}

}  // namespace

void ConfigCommand::refuse(std::string code, std::string detail) {
  answer_ = {{"status", "error"}, {"error_code", code}, {"error_detail", detail}};
}

std::optional<json::value> ConfigCommand::edit(const ConfigState& now) {
  if (verb_ == Verb::kList) return std::nullopt;
  const Section at = *section;
  json::value content = now.content();
  json::array& entries = content.as_object()[list_key(at)].as_array();
  const bool add = verb_ == Verb::kAdd;
  const auto same = [&](const json::value& there) {
    return is_same_pattern(there, entry_, at, add ? "PREFIX" : "");
  };
  const auto found = std::ranges::find_if(entries, same);
  if (add && found != entries.end()) {
    refuse(at == Section::kRoutes ? "DUPLICATE_PREFIX" : "DUPLICATE_PATTERN",
           "there is an entry for this pattern: delete it first");
    return std::nullopt;
  }
  if (!add && found == entries.end()) {
    refuse("NOT_FOUND", fmt::format("no entry has that {}", pattern_key(at)));
    return std::nullopt;
  }
  if (add) entries.push_back(entry_);
  if (!add) entries.erase(found);
  return content;
}

void ConfigCommand::settle(const ConfigOutcome& outcome) {
  const bool well = outcome.status == Applied::kApplied || outcome.status == Applied::kUnchanged;
  if (!well) refuse(outcome.error_code, outcome.error_detail);
}

void ConfigCommand::list(const ConfigState& now) {
  const json::value content = now.content();
  answer_[list_key(*section)] = *get_member(content, list_key(*section));
  answer_["config_version"] = now.version.version;
}

Message ConfigCommand::reply(const Message& to) const {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = to.trace;
  message.kind = Kind::kControl;
  message.meta["type"] = "command_response";
  message.action = to.action;
  message.in_reply_to = to.id;
  message.payload = to_json(answer_);
  return message;
}

ConfigCommand read_command(std::string_view action, const json::value* entry, bool allowed) {
  ConfigCommand command;
  command.answer_ = {{"status", "ok"}};
  const auto is = [&](std::string_view verb, std::string_view what) {
    return action.starts_with(verb) && action.substr(verb.size()).starts_with(what);
  };
  using Verb = ConfigCommand::Verb;
  for (auto [verb, word] : {std::pair(Verb::kList, "list_"), std::pair(Verb::kAdd, "add_"),
                            std::pair(Verb::kDelete, "delete_")}) {
    const std::string_view plural = verb == Verb::kList ? "s" : "";
    for (auto [section, what] :
         {std::pair(Section::kRoutes, "route"), std::pair(Section::kZones, "vpn")}) {
      if (!is(word, what) || action != fmt::format("{}{}{}", word, what, plural)) continue;
      command.verb_ = verb;
      command.section = section;
    }
  }
  if (!command.section) {
    command.refuse("UNKNOWN_ACTION",
                   "add_route, delete_route, list_routes, add_vpn, delete_vpn "
                   "and list_vpns are known here");
    return command;
  }
  if (!allowed) {
    command.refuse("NOT_ALLOWED", "only system nodes of this hive, or of hives in config_from");
    command.section.reset();
    return command;
  }
  if (command.verb_ == Verb::kList) return command;
  if (entry != nullptr && entry->is_object()) {
    command.entry_ = *entry;
    return command;
  }
  command.refuse("INVALID_PAYLOAD", "the payload must be the entry as an object");
  command.section.reset();
  return command;
}

}  // namespace skep::fabric
