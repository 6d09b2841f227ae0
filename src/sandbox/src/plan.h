// All that the child does between fork and exec, prepared before: there, in the copy of a process
// with many threads, nothing may be allocated and no lock taken.
#pragma once

#include <sys/resource.h>

#include <string>
#include <vector>

#include "filter.h"
#include "skep/sandbox/sandbox.h"

namespace skep::sandbox {

// One step in making the tree of files that the program sees. `from` is a path of this machine,
// `at` one of the new root's.
struct FileStep {
  enum Kind {
    kFolder,   // mkdir, if it is not there
    kText,     // a file with the text `data`
    kSymlink,  // to `data`
    kBindReadOnly,
    kBindWritable,
    kBindDevice,
    kScratch,  // tmpfs with the options `data`
    kProc,
  };
  Kind kind = kFolder;
  std::string from;
  std::string at;
  std::string data;
  bool folder = true;  // of binds: whether `from` is one
};

struct PathRule {
  std::string path;
  std::uint64_t access = 0;
};

struct ResourceBound {
  __rlimit_resource what{};
  rlimit bound{};
};

// Where the child's setup can fail, and what is told about it.
enum class Stage : std::uint8_t {
  kIdentity,
  kOwnMounts,
  kFile,  // index: which FileStep
  kRoot,
  kProcessBound,
  kCapabilities,
  kSignals,
  kFork,
  kDescriptors,
  kDirectory,
  kResource,  // index: which ResourceBound
  kRule,      // index: which PathRule
  kLandlock,
  kSeccomp,
  kExec,
};

// What the child writes when it fails. Smaller than PIPE_BUF, so it comes whole.
struct Failure {
  Stage stage = Stage::kIdentity;
  int error = 0;
  std::uint32_t index = 0;
};

// What init writes when the program has ended.
struct Ending {
  int status = 0;  // as of wait4
  std::int64_t cpu_us = 0;
};

// The child's ends of the pipes.
struct ChildFds {
  int in = -1, out = -1, err = -1;
  int failure = -1;  // closed by exec; a Failure otherwise
  int ending = -1;   // init's
  int control =
      -1;  // init reads it: 'T' sends SIGTERM to all; the end of it means that we are gone
};

struct Plan {
  int landlock_abi = 0;
  bool own_network = true;
  std::vector<FileStep> files;
  std::vector<PathRule> rules;
  std::vector<ResourceBound> bounds;
  std::vector<std::string> programs;  // to try in order
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // NAME=value
  std::vector<char*> argv;               // into the two above, with the final null
  std::vector<char*> envp;
  std::string directory;
  std::string uid_map, gid_map;
  std::string processes_max;  // for pid_max of the PID namespace; empty: the kernel has none
  std::vector<sock_filter> refusals, known;
  int ruleset = -1;
  ChildFds fds;
  std::vector<int> keep;  // all of `fds` and `ruleset`, ascending
  // This process's arguments and environment, wiped in the child: they would be seen in /proc/1.
  char* wipe_from = nullptr;
  char* wipe_to = nullptr;
};

// All but the descriptors.
Result<Plan> make_plan(const Command& command, const Limits& limits);
// In words for people: which layer, why, what to do.
Error explain(const Plan& plan, const Failure& failure);

}  // namespace skep::sandbox
