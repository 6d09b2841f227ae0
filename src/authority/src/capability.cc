#include "skep/authority/capability.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "skep/base/text.h"

namespace skep::authority {
namespace {

struct ActionRow {
  Action action;
  std::string_view name;
  bool has_resource;
  Role least = Role::kUser;
  bool of_people = false;
};
constexpr std::array kActions{
    ActionRow{Action::kToolInvoke, "tool_invoke", true},
    ActionRow{Action::kFileRead, "file_read", true},
    ActionRow{Action::kFileWrite, "file_write", true},
    ActionRow{Action::kNetConnect, "net_connect", true},
    ActionRow{Action::kMemoryRead, "memory_read", true},
    ActionRow{Action::kMemoryWrite, "memory_write", true},
    ActionRow{Action::kShellExec, "shell_exec", true},
    ActionRow{Action::kAgentSpawn, "agent_spawn", false, Role::kAdmin},
    ActionRow{Action::kAgentMessage, "agent_message", true},
    ActionRow{Action::kAgentKill, "agent_kill", true, Role::kAdmin},
    ActionRow{Action::kXmppSend, "xmpp_send", true},
    ActionRow{Action::kRemoteExecute, "remote_execute", true},
    ActionRow{Action::kSchedule, "schedule", false},
    ActionRow{Action::kChat, "chat", true, Role::kUser, true},
    ActionRow{Action::kViewConfig, "view_config", false, Role::kUser, true},
    ActionRow{Action::kViewUsage, "view_usage", false, Role::kAdmin, true},
    ActionRow{Action::kManageAgents, "manage_agents", false, Role::kAdmin, true},
    ActionRow{Action::kChangeConfig, "change_config", false, Role::kOwner, true},
    ActionRow{Action::kManageUsers, "manage_users", false, Role::kOwner, true},
};

const ActionRow& row_of(Action action) {
  const auto* at = std::ranges::find(kActions, action, &ActionRow::action);
  return at == kActions.end() ? kActions.front() : *at;
}

// "[::1]:80" has a port, "[::1]" has none.
bool names_port(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  return host.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
}

bool is_memory(Action action) {
  return action == Action::kMemoryRead || action == Action::kMemoryWrite;
}

// As it is compared: hosts without regard to case; a key's scopes like folders.
std::string effective_value(Action action, std::string_view value) {
  if (action == Action::kNetConnect) return to_lower_ascii(value);
  return is_memory(action) ? replace_all(std::string(value), ".", "/") : std::string(value);
}

// Of a host without a port any port; `*` at the end of a key is all below it.
std::string effective(Action action, std::string_view pattern) {
  if (pattern == "*") return std::string(pattern);
  if (is_memory(action)) {
    std::string folders = effective_value(action, pattern);
    return folders.ends_with("/*") ? folders + "*" : folders;
  }
  if (action != Action::kNetConnect) return std::string(pattern);
  std::string host = to_lower_ascii(pattern);
  return names_port(host) ? host : host + ":*";
}

std::vector<std::string> action_names() {
  std::vector<std::string> names;
  for (const ActionRow& row : kActions) {
    if (!row.of_people) names.emplace_back(row.name);
  }
  return names;
}

std::unexpected<Error> unknown_action(std::string_view name) {
  const std::vector<std::string> names = action_names();
  const auto near = nearest(name, names);
  return fail(Code::kInvalid, fmt::format("\"{}\" is no action; {}", cut_utf8(name, 64),
                                          near ? fmt::format("did you mean \"{}\"?", *near)
                                               : "they are: " + join(names, ", ")));
}

}  // namespace

std::string_view action_name(Action action) { return row_of(action).name; }
bool takes_resource(Action action) { return row_of(action).has_resource; }
Role minimum_role(Action action) { return row_of(action).least; }

std::optional<Action> action_from(std::string_view name) {
  const auto* at = std::ranges::find(kActions, name, &ActionRow::name);
  if (at == kActions.end()) return std::nullopt;
  return at->action;
}

Result<Capability> parse_capability(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = trim(text.substr(0, colon));
  const auto action = action_from(name);
  if (!action) return unknown_action(name);
  if (row_of(*action).of_people) {
    return fail(Code::kInvalid, fmt::format("{} is what people do, by their role; no agent can be "
                                            "given it",
                                            name));
  }
  const std::string_view pattern =
      colon == std::string_view::npos ? std::string_view() : trim(text.substr(colon + 1));
  if (pattern.size() > pattern_bytes_max) {
    return fail(Code::kInvalid,
                fmt::format("a pattern of {} is over {} bytes", name, pattern_bytes_max));
  }
  if (takes_resource(*action) && pattern.empty()) {
    return fail(Code::kInvalid,
                fmt::format("{} needs a pattern: \"{}:*\" is for everything", name, name));
  }
  if (!takes_resource(*action) && !pattern.empty() && pattern != "*")
    return fail(Code::kInvalid, fmt::format("{} takes no pattern", name));
  return Capability{*action, takes_resource(*action) ? std::string(pattern) : std::string()};
}

std::string to_text(const Capability& capability) {
  const std::string_view name = action_name(capability.action);
  if (capability.pattern.empty()) return std::string(name);
  return fmt::format("{}:{}", name, capability.pattern);
}

Grants Grants::everything() {
  Grants all;
  for (const ActionRow& row : kActions) {
    if (!row.of_people) all.add({row.action, row.has_resource ? std::string("*") : std::string()});
  }
  return all;
}

const Capability* Grants::granting(Action action, std::string_view resource) const {
  const std::string value = effective_value(action, resource);
  const auto at = std::ranges::find_if(all_, [&](const Capability& own) {
    if (own.action != action) return false;
    if (!takes_resource(action)) return true;
    return glob_match(effective(action, own.pattern), value);
  });
  return at == all_.end() ? nullptr : &*at;
}

const Capability* Grants::beyond(const Grants& child) const {
  const auto covered = [this](const Capability& wanted) {
    return std::ranges::any_of(all_, [&](const Capability& own) {
      if (own.action != wanted.action) return false;
      if (!takes_resource(own.action)) return true;
      return glob_covers(effective(own.action, own.pattern),
                         effective(wanted.action, wanted.pattern));
    });
  };
  const auto at = std::ranges::find_if_not(child.all_, covered);
  return at == child.all_.end() ? nullptr : &*at;
}

}  // namespace skep::authority
