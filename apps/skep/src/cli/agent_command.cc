// skep agent …: the registry of the running daemon, or, when none runs, of one inside this process
// for the length of the command.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "command_line.h"
#include "registry.h"
#include "skep/agent/manifest.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/kernel/agent_templates.h"
#include "skep/store/append_file.h"

namespace skep::cli {
namespace {

std::string path_of(const Options& options, std::string_view verb = {}) {
  return fmt::format("/api/agents/{}{}{}", options.name, verb.empty() ? "" : "/", verb);
}

std::string_view shown_state(const json::value& agent) {
  const std::string_view state = get_string(agent, "state");
  return get_bool(agent, "main").value_or(false) ? "skep.toml" : state;
}

int list(const Options& options) {
  const auto answer = Registry::get(options, "/api/agents");
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  const json::array* agents = get_array(*answer, "agents");
  for (const json::value& agent : agents == nullptr ? json::array() : *agents) {
    fmt::print("{:<24} {:<10} {:<8} {}  {}\n", get_string(agent, "name"), shown_state(agent),
               get_string(agent, "mode"), get_string(agent, "last_active"),
               get_string(agent, "why"));
  }
  return 0;
}

int show(const Options& options) {
  const auto answer = Registry::get(options, path_of(options));
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  for (std::string_view key : {"name", "id", "node", "state", "mode", "schedule", "parent",
                               "created_at", "last_active", "why", "problem"}) {
    if (const auto text = get_string(*answer, key); !text.empty())
      fmt::print("{:<12} {}\n", key, text);
  }
  if (const json::object* health = get_object(*answer, "health")) {
    const json::value seen(*health);
    if (get_int(seen, "hangs").value_or(0) > 0)
      fmt::print("{:<12} hung {} times, started again {} times\n", "health",
                 *get_int(seen, "hangs"), get_int(seen, "restarts").value_or(0));
  }
  if (const json::array* children = get_array(*answer, "children")) {
    for (const json::value& child : *children)
      fmt::print("{:<12} {}\n", "child", std::string_view(child.get_string()));
  }
  if (const auto manifest = get_string(*answer, "manifest"); !manifest.empty())
    fmt::print("\n{}", manifest);
  return 0;
}

int logs(const Options& options) {
  const auto answer = Registry::get(options, path_of(options, "log"));
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  const json::array* events = get_array(*answer, "events");
  for (const json::value& event : events == nullptr ? json::array() : *events) {
    json::object rest = event.as_object();
    rest.erase("ts");
    rest.erase("event");
    fmt::print("{}  {:<10} {}\n", get_string(event, "ts"), get_string(event, "event"),
               to_json(rest));
  }
  return 0;
}

bool confirmed(const Options& options, std::string_view question) {
  if (options.yes) return true;
  fmt::print("{} [y/N] ", question);
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// pause, resume, mode, kill
int act(const Options& options) {
  if (options.verb == "kill" &&
      !confirmed(options, fmt::format("End {} for good?", options.name))) {
    fmt::print("nothing was changed\n");
    return kExitCheckFailed;
  }
  json::object body;
  if (!options.mode.empty()) body["mode"] = options.mode;
  const auto answer = Registry::post(options, path_of(options, options.verb), std::move(body));
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  if (options.verb == "kill")
    fmt::print("{} is ended\n", options.name);
  else
    fmt::print("{} is {}, mode {}\n", get_string(*answer, "name"), get_string(*answer, "state"),
               get_string(*answer, "mode"));
  return 0;
}

int spawn(const Options& options, std::string manifest) {
  json::object body{{"manifest", std::move(manifest)}, {"mode", options.mode}};
  const auto answer = Registry::post(options, "/api/agents", std::move(body));
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  fmt::print("{} is {} (id {}); talk to it: skep agent chat {}\n", get_string(*answer, "name"),
             get_string(*answer, "state"), get_string(*answer, "id"), get_string(*answer, "name"));
  return 0;
}

int spawn_file(const Options& options) {
  auto text = store::read_file(options.file, agent::Manifest::bytes_max);
  if (!text) return report(text.error());
  auto manifest = agent::Manifest::parse(*text, options.file);
  if (!manifest) return report(manifest.error());
  return spawn(options, *std::move(text));
}

int templates(const Options& options) {
  json::array all;
  for (const kernel::AgentTemplate& one : kernel::agent_templates()) {
    const auto manifest = agent::Manifest::parse(one.toml, std::string(one.name));
    const std::string about = manifest ? manifest->description : manifest.error().message;
    all.push_back(json::object{{"name", one.name}, {"description", about}});
    if (!options.json) fmt::print("{:<14} {}\n", one.name, about);
  }
  return options.json ? print_json(all) : 0;
}

int from_template(const Options& options) {
  auto toml = kernel::agent_template(options.template_name);
  if (!toml) return report(toml.error());
  auto manifest = agent::Manifest::parse(*toml, options.template_name);
  if (!manifest) return report(manifest.error());
  if (!options.name.empty()) manifest->name = options.name;
  if (!agent::is_agent_name(manifest->name)) {
    return report({Code::kInvalid, fmt::format("\"{}\" cannot be an agent's name: letters, digits, "
                                               "- + _ and dots between",
                                               manifest->name)});
  }
  return spawn(options, manifest->to_text());
}

int from_wish(const Options& options) {
  if (trim(options.name).empty())
    return report({Code::kInvalid, "say what the agent is for, or --template T"});
  const auto draft = Registry::post(options, "/api/agents/draft", {{"wish", options.name}});
  if (!draft) return report(draft.error());
  const std::string manifest(get_string(*draft, "manifest"));
  if (!options.json) {
    std::vector<std::string> may;
    if (const json::array* words = get_array(*draft, "may")) {
      for (const json::value& one : *words)
        if (one.is_string()) may.emplace_back(one.get_string());
    }
    fmt::print("{}\n# Beside talking and reading its own files it may {}.\n", manifest,
               may.empty() ? "do nothing" : join(may, ", "));
  }
  if (!confirmed(options, fmt::format("Start {} like this?", get_string(*draft, "name")))) {
    fmt::print("nothing was written\n");
    return kExitCheckFailed;
  }
  return spawn(options, manifest);
}

int chat(const Options& options) {
  Options with_agent = options;
  with_agent.agent = options.name;
  return run_chat(with_agent);
}

}  // namespace

int run_agent(const Options& options) {
  log::configure({.level = log::Level::kError});
  if (options.verb == "list") return list(options);
  if (options.verb == "show") return show(options);
  if (options.verb == "logs") return logs(options);
  if (options.verb == "spawn") return spawn_file(options);
  if (options.verb == "templates") return templates(options);
  if (options.verb == "chat") return chat(options);
  if (options.verb != "new") return act(options);
  return options.template_name.empty() ? from_wish(options) : from_template(options);
}

}  // namespace skep::cli
