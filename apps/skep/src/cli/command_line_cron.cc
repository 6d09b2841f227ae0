// skep cron …
#include "command_line_parts.h"

namespace skep::cli {

namespace {

// Once for each place.
void add_deliver(CLI::App& add, Options& options) {
  add.add_option("--deliver", options.cron.deliver,
                 "Where the answer goes as well, up to three times: webhook:ADDRESS, "
                 "webhook:NAME, file:PATH, mail:WHOM")
      ->type_name("WHERE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void add_cron(CLI::App& app, Options& options) {
  CLI::App& cron = *app.add_subcommand("cron", "What agents do by themselves at certain times");
  cron.require_subcommand(1);
  const auto add = [&](const char* verb, const char* help) {
    CLI::App* sub = cron.add_subcommand(verb, help);
    add_common(*sub, options);
    add_json(*sub, options);
    sub->add_option("--config", options.config_path, "Configuration file, when no daemon runs")
        ->type_name("FILE");
    sub->callback([&options, verb] {
      options.command = Options::Command::kCron;
      options.verb = verb;
    });
    return sub;
  };
  const auto add_when = [&](CLI::App* sub) {
    sub->add_option(
           "when", options.cron.when,
           "\"0 9 * * mon-fri\", \"@daily\", \"every 2h\", \"at 2026-12-24 18:00\", \"in 10m\"")
        ->required()
        ->type_name("WHEN");
    sub->add_option("--zone", options.cron.zone,
                    "Whose clocks: Europe/Paris (default: [agent] time_zone)")
        ->type_name("ZONE");
  };
  add("list", "All jobs, and agents that wake by themselves");
  CLI::App* fresh = add("add", "Tell an agent something at certain times");
  add_when(fresh);
  fresh->add_option("text", options.message, "What it is told")->required()->type_name("TEXT");
  fresh->add_option("--name", options.name, "What the job is called")->type_name("NAME");
  fresh->add_option("--agent", options.agent, "Which agent (default: the one of skep.toml)")
      ->type_name("NAME");
  fresh->add_option("--for", options.peer, "Whom the answer is for: a JID gets it as a message")
      ->type_name("WHOM");
  fresh
      ->add_option("--missed", options.cron.missed,
                   "Times that passed while skep was down: skip, once (default), all")
      ->check(CLI::IsMember({"skip", "once", "all"}));
  add_deliver(*fresh, options);
  const auto add_named = [&](const char* verb, const char* help) {
    add(verb, help)
        ->add_option("job", options.name, "Its name or id")
        ->required()
        ->type_name("JOB");
  };
  add_named("show", "One job, and its last answer");
  add_named("pause", "It does not run until it is resumed");
  add_named("resume", "It runs again; failures are forgotten");
  add_named("run", "Now, beside its times");
  add_named("del", "End it");
  CLI::App* next = add("next", "When WHEN would run: a look without a daemon");
  add_when(next);
  next->add_option("-n", options.cron.count, "How many times (default 5)")
      ->check(CLI::Range(1, 1000));
  next->add_option("--from", options.cron.from, "After this time (default: now)")
      ->type_name("TIME");
}

}  // namespace skep::cli
