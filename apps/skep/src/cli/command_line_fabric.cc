// skep fabric …
#include "command_line_parts.h"

namespace skep::cli {
namespace {

CLI::App& add_rule_verb(CLI::App& rules, Options& options, Options::Rule::What what,
                        Options::Rule::Verb verb, const char* name, const char* help) {
  CLI::App& sub = *rules.add_subcommand(name, help);
  add_common(sub, options);
  add_json(sub, options);
  sub.callback([&options, what, verb] {
    options.command = Options::Command::kFabricRules;
    options.rule.what = what;
    options.rule.verb = verb;
  });
  if (verb == Options::Rule::Verb::kList) return sub;
  sub.add_option("pattern", options.rule.pattern,
                 "A name (AI.old@lab; of this hive without the @), a prefix (AI.old.*), or any "
                 "pattern with * (AI.*@farm)")
      ->required();
  sub.add_option("--match", options.rule.match,
                 "How the pattern is meant; default: what it looks like")
      ->check(CLI::IsMember({"exact", "prefix", "glob"}));
  return sub;
}

// skep fabric route|zone add|del|list
void add_fabric_rules(CLI::App& fabric, Options& options, Options::Rule::What what) {
  using Verb = Options::Rule::Verb;
  const bool route = what == Options::Rule::What::kRoute;
  CLI::App& rules = *fabric.add_subcommand(
      route ? "route" : "zone",
      route ? "Static routes of the hive: drop names, redirect them, or catch what nobody has"
            : "Zones: nodes talk within their own; names without a rule are in zone 0");
  rules.require_subcommand(1);
  CLI::App& add = add_rule_verb(rules, options, what, Verb::kAdd, "add",
                                "Add one; it holds at once, in all routers");
  if (route) {
    add.add_option("action", options.rule.action,
                   "drop: swallow; redirect: always there; fallback: there if nobody has the name")
        ->required()
        ->check(CLI::IsMember({"drop", "redirect", "fallback"}));
    add.add_option("to", options.rule.to, "Where to: a name (AI.new@lab), or a hive (@farm)");
    add.add_option("--metric", options.rule.metric, "Of two alike the lower one wins (0)");
  } else {
    add.add_option("zone", options.rule.zone, "The zone's number")->required();
  }
  add.add_option("--priority", options.rule.priority, "The lower one wins (100)");
  add_rule_verb(rules, options, what, Verb::kDelete, "del", "Take one out");
  add_rule_verb(rules, options, what, Verb::kList, "list", "Those there are, and their version");
}

}  // namespace

void add_fabric(CLI::App& app, Options& options) {
  CLI::App& fabric = *app.add_subcommand(
      "fabric", "Look at the fabric; change its routes and zones; issue tokens");
  fabric.require_subcommand(1);
  for (auto [name, help] :
       {std::pair{"nodes", "Who is connected, and where"},
        std::pair{"routes", "Where names lead, in the order that decides, and why"},
        std::pair{"vpns", "Which names are in which zone"},
        std::pair{"hives", "Other hives and what they advertise"},
        std::pair{"stats", "Counters of each router"}}) {
    CLI::App& look = *fabric.add_subcommand(name, help);
    add_common(look, options);
    add_json(look, options);
    look.callback([&options, name] {
      options.command = Options::Command::kFabric;
      options.name = name;
    });
  }
  CLI::App& trace =
      *fabric.add_subcommand("trace", "Where a message went, as all routers remember it");
  add_common(trace, options);
  add_json(trace, options);
  trace.add_option("id", options.name, "Its trace id, or its own id")->required();
  trace.callback([&options] { options.command = Options::Command::kFabricTrace; });
  CLI::App& token = *fabric.add_subcommand(
      "token", "Issue a token for a node that needs one: an SY. name, or another user's process");
  add_common(token, options);
  token.add_option("pattern", options.name, "The names it may claim, like AI.sop.* or SY.timer")
      ->required();
  token.add_option("--label", options.target, "What it is for, for people")->type_name("TEXT");
  token.add_flag("--system", options.system, "It may also send privileged messages (CONFIG_*)");
  token.callback([&options] { options.command = Options::Command::kFabricToken; });
  add_fabric_rules(fabric, options, Options::Rule::What::kRoute);
  add_fabric_rules(fabric, options, Options::Rule::What::kZone);
}

}  // namespace skep::cli
