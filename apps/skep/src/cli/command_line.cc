#include "command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "command_line_parts.h"
#include "skep/kernel/kernel.h"

namespace skep::cli {

namespace {

constexpr const char* kFooter =
    "\nFirst steps:\n"
    "  skep chat                 talk to the agent here in the terminal\n"
    "  skep up                   run the daemon: HTTP on 127.0.0.1:4545, XMPP if [server] is "
    "configured\n"
    "  skep config check         what is wrong with skep.toml\n"
    "\nHome: --home, else $SKEP_HOME, else ~/.skep. Configuration: --config, else "
    "<home>/skep.toml, else none is needed.\n"
    "Exit codes: 0 done, 1 a check found something, 64 usage, 69 not available, 70 internal, 73 in "
    "use, 75 try again later,\n"
    "77 not allowed, 78 configuration.";

void add_chat(CLI::App& app, Options& options) {
  CLI::App& chat = *app.add_subcommand("chat", "Talk to the agent in the terminal");
  add_common(chat, options);
  add_json(chat, options);
  chat.add_option("--config", options.config_path, "Configuration file, when no daemon runs")
      ->type_name("FILE");
  chat.add_option("-m,--message", options.message, "Say this, print only the reply, and end")
      ->type_name("TEXT");
  chat.add_option("--thread", options.thread, "A session of its own under this name")
      ->type_name("NAME");
  chat.add_option("--as", options.peer, "Who speaks (default: your login name)")->type_name("NAME");
  chat.add_option("--agent", options.agent, "Another agent than the one of skep.toml")
      ->type_name("NAME");
  chat.callback([&options] { options.command = Options::Command::kChat; });
}

void add_agent(CLI::App& app, Options& options) {
  CLI::App& agent = *app.add_subcommand("agent", "The agents of this hive");
  agent.require_subcommand(1);
  const auto add = [&](const char* verb, const char* help) {
    CLI::App* sub = agent.add_subcommand(verb, help);
    add_common(*sub, options);
    add_json(*sub, options);
    sub->add_option("--config", options.config_path, "Configuration file, when no daemon runs")
        ->type_name("FILE");
    sub->callback([&options, verb] {
      options.command = Options::Command::kAgent;
      options.verb = verb;
    });
    return sub;
  };
  const auto add_named = [&](const char* verb, const char* help) {
    CLI::App* sub = add(verb, help);
    sub->add_option("name", options.name, "The agent's name")->required()->type_name("NAME");
    return sub;
  };
  add("list", "All of them, and what they are doing");
  CLI::App* fresh = add("new", "Make one from a template, or from what you want in plain words");
  fresh->add_option("wish", options.name, "Its NAME (with --template), or what it is for")
      ->type_name("NAME|TEXT");
  fresh->add_option("--template", options.template_name, "One of `skep agent templates`")
      ->type_name("T");
  fresh->add_flag("-y,--yes", options.yes, "Do not ask");
  add("templates", "What `skep agent new NAME --template T` offers");
  CLI::App* spawn = add("spawn", "Start an agent from a manifest");
  spawn->add_option("file", options.file, "An agent.toml")->required()->type_name("FILE");
  spawn->add_option("--mode", options.mode, "observe, assist or full")->type_name("MODE");
  add_named("show", "Its state and its manifest");
  CLI::App* chat = add_named("chat", "Talk to it");
  chat->add_option("-m,--message", options.message, "Say this, print only the reply, and end")
      ->type_name("TEXT");
  chat->add_option("--thread", options.thread, "A session of its own under this name")
      ->type_name("NAME");
  chat->add_option("--as", options.peer, "Who speaks (default: your login name)")
      ->type_name("NAME");
  add_named("pause", "It refuses messages until it is resumed");
  add_named("resume", "It takes messages again");
  add_named("mode", "How much of its tools it may use")
      ->add_option("mode", options.mode, "observe, assist or full")
      ->required()
      ->type_name("MODE");
  add_named("kill", "End it; its files are moved to agents/.killed")
      ->add_flag("-y,--yes", options.yes, "Do not ask");
  add_named("logs", "What happened to it");
  add_sign(agent, options);
}

void add_config(CLI::App& app, Options& options) {
  CLI::App& config = *app.add_subcommand("config", "Look at the configuration");
  config.require_subcommand(1);
  CLI::App& check = *config.add_subcommand("check", "Read skep.toml and say what is wrong with it");
  add_common(check, options);
  add_json(check, options);
  check.add_option("--config,file", options.config_path, "Configuration file")->type_name("FILE");
  check.callback([&options] { options.command = Options::Command::kConfigCheck; });
  CLI::App& reload = *config.add_subcommand(
      "reload", "The running daemon reads it again: what may change while it runs, does");
  add_common(reload, options);
  add_json(reload, options);
  reload.callback([&options] { options.command = Options::Command::kConfigReload; });
}

void add_hive(CLI::App& app, Options& options) {
  CLI::App& hive = *app.add_subcommand("hive", "This hive's key, and the hives it trusts");
  hive.require_subcommand(1);
  const auto add = [&](const char* name, const char* help, Options::Command command) {
    CLI::App* sub = hive.add_subcommand(name, help);
    add_common(*sub, options);
    sub->add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
    sub->callback([&options, command] { options.command = command; });
    return sub;
  };
  add("keygen", "Make this hive's key and certificate", Options::Command::kHiveKeygen);
  CLI::App* join = add("join", "Trust another hive's certificate", Options::Command::kHiveJoin);
  join->add_option("file", options.file, "The other hive's hive.crt")
      ->required()
      ->type_name("FILE");
  join->add_flag("-y,--yes", options.yes, "Do not ask");
  CLI::App* list =
      add("list", "The hives whose certificates are kept", Options::Command::kHiveList);
  add_json(*list, options);
}

void add_router(CLI::App& app, Options& options) {
  CLI::App& router = *app.add_subcommand(
      "router", "Run one more router of this hive in the foreground, for nodes to connect to");
  add_common(router, options);
  router.add_option("--name", options.name, "Its name, like RT.two")->type_name("NAME")->required();
  router.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
  router.add_flag("-v,--verbose", options.verbose, "Log details");
  router.callback([&options] { options.command = Options::Command::kRouter; });
}

void add_node(CLI::App& app, Options& options) {
  CLI::App& node = *app.add_subcommand(
      "node", "Run one node of this home as a process of its own ([nodes] says which may be)");
  add_common(node, options);
  node.add_option("kind", options.name, "agent or xmpp")->type_name("KIND")->required();
  node.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
  node.add_flag("-v,--verbose", options.verbose, "Log details");
  node.callback([&options] { options.command = Options::Command::kNode; });
}

void add_models(CLI::App& app, Options& options) {
  CLI::App& models =
      *app.add_subcommand("models", "Which models there are, what they cost, whether they answer");
  add_common(models, options);
  add_json(models, options);
  models.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
  models.add_flag("--all", options.all, "Also providers without a key");
  models.callback([&options] {
    if (options.command != Options::Command::kModelsTest)
      options.command = Options::Command::kModels;
  });
  CLI::App& test = *models.add_subcommand("test", "Ask a model for one word");
  add_common(test, options);
  test.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
  test.add_option("model", options.target,
                  "PROVIDER, PROVIDER:MODEL, a model or an alias; default: the configured one")
      ->type_name("MODEL");
  test.callback([&options] { options.command = Options::Command::kModelsTest; });
}

void add_audit(CLI::App& app, Options& options) {
  CLI::App& audit = *app.add_subcommand("audit", "What was allowed, refused and done");
  audit.require_subcommand(1);
  CLI::App& list = *audit.add_subcommand("list", "The newest entries, oldest first");
  add_common(list, options);
  add_json(list, options);
  list.add_option("-n", options.count, "How many at most (default 50)")
      ->check(CLI::Range(1, 1'000'000));
  list.add_option("--agent", options.name, "Only this agent's, like AI.support")->type_name("NAME");
  list.callback([&options] { options.command = Options::Command::kAuditList; });
  CLI::App& verify = *audit.add_subcommand("verify", "Has somebody changed the log?");
  add_common(verify, options);
  verify.callback([&options] { options.command = Options::Command::kAuditVerify; });
}

void add_trace(CLI::App& app, Options& options) {
  CLI::App& trace = *app.add_subcommand("trace", "What a turn did: model calls, tools, cost");
  CLI::App& replay = *app.add_subcommand(
      "replay", "Run a recorded turn again, offline, and say what is different (exit code 1)");
  for (auto [sub, command] : {std::pair{&trace, Options::Command::kTrace},
                              std::pair{&replay, Options::Command::kReplay}}) {
    add_common(*sub, options);
    add_json(*sub, options);
    sub->add_option("id", options.target, "Id of the question, of its answer, or the trace")
        ->type_name("ID")
        ->required();
    sub->callback([&options, command] { options.command = command; });
  }
  replay.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
}

void add_commands(CLI::App& app, Options& options) {
  CLI::App& up =
      *app.add_subcommand("up", "Run the daemon in the foreground until SIGTERM or Ctrl-C");
  add_common(up, options);
  up.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
  up.add_flag("-v,--verbose", options.verbose, "Log details");
  up.callback([&options] { options.command = Options::Command::kUp; });

  add_chat(app, options);
  add_agent(app, options);
  add_cron(app, options);
  for (auto [name, help, command] :
       {std::tuple{"status", "What the running daemon is doing", Options::Command::kStatus},
        std::tuple{"usage", "What models have cost, by person and model", Options::Command::kUsage},
        std::tuple{"stop", "End the running daemon cleanly", Options::Command::kStop},
        std::tuple{"doctor", "Check everything this installation needs",
                   Options::Command::kDoctor}}) {
    CLI::App& sub = *app.add_subcommand(name, help);
    add_common(sub, options);
    add_json(sub, options);
    if (command == Options::Command::kDoctor) {
      sub.add_option("--config", options.config_path, "Configuration file")->type_name("FILE");
    }
    sub.callback([&options, command] { options.command = command; });
  }
  add_config(app, options);
  add_hive(app, options);
  add_router(app, options);
  add_node(app, options);
  add_fabric(app, options);
  add_models(app, options);
  add_audit(app, options);
  add_trace(app, options);
}

int dispatch(const Options& options) {
  switch (options.command) {
    case Options::Command::kUp:
      return run_up(options);
    case Options::Command::kChat:
      return run_chat(options);
    case Options::Command::kAgent:
      return run_agent(options);
    case Options::Command::kSign:
      return run_sign(options);
    case Options::Command::kStatus:
      return run_status(options);
    case Options::Command::kStop:
      return run_stop(options);
    case Options::Command::kDoctor:
      return run_doctor(options);
    case Options::Command::kConfigCheck:
      return run_config_check(options);
    case Options::Command::kConfigReload:
      return run_config_reload(options);
    case Options::Command::kHiveKeygen:
      return run_hive_keygen(options);
    case Options::Command::kHiveJoin:
      return run_hive_join(options);
    case Options::Command::kHiveList:
      return run_hive_list(options);
    case Options::Command::kUsage:
      return run_usage(options);
    case Options::Command::kRouter:
      return run_router(options);
    case Options::Command::kNode:
      return run_node(options);
    case Options::Command::kFabric:
      return run_fabric(options);
    case Options::Command::kFabricTrace:
      return run_fabric_trace(options);
    case Options::Command::kFabricToken:
      return run_fabric_token(options);
    case Options::Command::kFabricRules:
      return run_fabric_rules(options);
    case Options::Command::kModels:
      return run_models(options);
    case Options::Command::kModelsTest:
      return run_models_test(options);
    case Options::Command::kAuditList:
      return run_audit_list(options);
    case Options::Command::kAuditVerify:
      return run_audit_verify(options);
    case Options::Command::kTrace:
      return run_trace(options);
    case Options::Command::kReplay:
      return run_replay(options);
    case Options::Command::kCron:
      return run_cron(options);
  }
  return kExitUsage;
}

}  // namespace

int report(const Error& error) {
  fmt::print(stderr, "skep: {}\n", error.message);
  return exit_code(error.code);
}

int run(int argc, char** argv) {
  // A closed peer, or a file at its size limit, is an error of the write, not the end of the
  // process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  Options options;
  CLI::App app{"Skep: an operating system for federated AI agents", "skep"};
  app.set_version_flag("--version,-V", "skep " + std::string(kernel::version()));
  app.require_subcommand(1);
  app.footer(kFooter);
  add_commands(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints help, version, or what is wrong
    return code == 0 ? 0 : kExitUsage;
  }
  if (options.home.empty()) options.home = kernel::default_home();
  return dispatch(options);
}

}  // namespace skep::cli
