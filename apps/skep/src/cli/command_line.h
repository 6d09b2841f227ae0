// The command line: what the user typed, as values, and the commands.
//
// Exit codes: 0 done; 1 a check found something; 64 wrong usage; 78 wrong configuration; others by
// the kind of failure (docs/errors.md). Results go to standard output, everything else to standard
// error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "skep/base/result.h"

namespace skep::cli {

inline constexpr int kExitCheckFailed = 1;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitConfig = 78;

struct Options {
  enum class Command {
    kUp,
    kChat,
    kStatus,
    kStop,
    kDoctor,
    kConfigCheck,
    kConfigReload,
    kModels,
    kModelsTest,
    kUsage,
    kRouter,
    kNode,
    kFabric,
    kFabricToken,
    kFabricTrace,
    kFabricRules,
    kHiveKeygen,
    kHiveJoin,
    kHiveList,
    kAuditList,
    kAuditVerify,
    kTrace,
    kReplay,
    kAgent,
    kSign,
    kCron
  };
  Command command = Command::kUp;
  std::string home;
  std::optional<std::string> config_path;
  bool json = false;
  bool verbose = false;
  bool system = false;                 // fabric token --system
  std::optional<std::string> message;  // chat -m
  std::string thread;                  // chat --thread
  std::string peer;                    // chat --as
  std::string file;                    // hive join FILE
  bool yes = false;                    // hive join --yes
  bool all = false;                    // models --all
  std::string target;                  // models test; trace, replay: which turn
  std::string name;   // router --name; node: which; fabric: which look; audit list --agent; agent
  std::string verb;   // agent VERB
  std::string agent;  // chat --agent
  std::string mode;   // agent spawn --mode, agent mode
  std::string template_name;  // agent new --template
  std::size_t count = 50;     // audit list -n
  struct Rule {               // fabric route, fabric zone
    enum class What { kRoute, kZone } what = What::kRoute;
    enum class Verb { kAdd, kDelete, kList } verb = Verb::kList;
    std::string pattern, match, action, to;
    std::uint32_t zone = 0, metric = 0;
    std::uint16_t priority = 100;
  } rule;
  struct Cron {  // cron
    std::string when, zone, missed, from;
    std::vector<std::string> deliver;
    std::size_t count = 5;
  } cron;
  struct Sign {  // agent keygen, sign
    std::string key, out, until;
    int days = 365;
  } sign;
};

int run(int argc, char** argv);

int run_up(const Options& options);
int run_chat(const Options& options);
int run_agent(const Options& options);
int run_sign(const Options& options);
int run_cron(const Options& options);
int run_status(const Options& options);
int run_stop(const Options& options);
int run_doctor(const Options& options);
int run_config_check(const Options& options);
int run_config_reload(const Options& options);
int run_hive_keygen(const Options& options);
int run_hive_join(const Options& options);
int run_hive_list(const Options& options);
int run_models(const Options& options);
int run_models_test(const Options& options);
int run_usage(const Options& options);
int run_router(const Options& options);
int run_node(const Options& options);
int run_fabric(const Options& options);
int run_fabric_token(const Options& options);
int run_fabric_trace(const Options& options);
int run_fabric_rules(const Options& options);
int run_audit_list(const Options& options);
int run_audit_verify(const Options& options);
int run_trace(const Options& options);
int run_replay(const Options& options);

// "skep: <what failed>" on standard error; the exit code that goes with it.
int report(const Error& error);

}  // namespace skep::cli
