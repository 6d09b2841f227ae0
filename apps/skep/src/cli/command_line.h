// The command line: what the user typed, as values, and the commands.
//
// Exit codes: 0 done; 1 a check found something; 64 wrong usage; 78 wrong configuration; others by
// the kind of failure (docs/errors.md). Results go to standard output, everything else to standard
// error.
#pragma once

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
    kModels,
    kModelsTest,
    kUsage,
    kRouter,
    kFabric,
    kFabricToken,
    kHiveKeygen,
    kHiveJoin,
    kHiveList,
    kAuditList,
    kAuditVerify
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
  std::string target;                  // models test
  std::string name;                    // router --name; fabric: which look; audit list --agent
  std::size_t count = 50;              // audit list -n
};

int run(int argc, char** argv);

int run_up(const Options& options);
int run_chat(const Options& options);
int run_status(const Options& options);
int run_stop(const Options& options);
int run_doctor(const Options& options);
int run_config_check(const Options& options);
int run_hive_keygen(const Options& options);
int run_hive_join(const Options& options);
int run_hive_list(const Options& options);
int run_models(const Options& options);
int run_models_test(const Options& options);
int run_usage(const Options& options);
int run_router(const Options& options);
int run_fabric(const Options& options);
int run_fabric_token(const Options& options);
int run_audit_list(const Options& options);
int run_audit_verify(const Options& options);

// "skep: <what failed>" on standard error; the exit code that goes with it.
int report(const Error& error);

}  // namespace skep::cli
