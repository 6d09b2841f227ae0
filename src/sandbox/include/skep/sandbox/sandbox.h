// Runs foreign programs where they can do no harm: own namespaces, a file tree of its own,
// Landlock, seccomp, resource limits, a clean environment. Everything is applied or nothing is run:
// a layer that this machine does not offer is an Error (kUnsupported) that names it.
// docs/sandbox.md says what is enforced and what is not.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/result.h"

namespace skep::sandbox {

// A file or folder of this machine and where the program sees it.
struct Place {
  std::string path;  // absolute, must exist
  std::string at;    // absolute, outside /usr /etc /proc /dev; empty: the same as `path`
};

enum class Network {
  kNone,  // a network namespace of its own, without even a loopback; only Unix sockets can be made
  kHost,  // this machine's network, everything that listens on it included
};

// What to run. The program sees /usr (and what belongs to it) read-only, a few files of /etc, an
// empty /tmp and /dev/shm in memory, harmless devices, its own processes in /proc, and the places
// below.
struct Command {
  std::vector<std::string> argv;   // [0]: an absolute path, or a name looked up in PATH. No shell.
  std::string directory = "/tmp";  // where it starts, as it sees it
  std::vector<Place> readable;     // may be read and executed
  std::vector<Place> writable;     // may be read, written and executed
  Network network = Network::kNone;
  // All of its environment beside PATH, HOME, TMPDIR, LANG and TERM, which have safe defaults and
  // can be replaced here. Names that steer the loader (LD_*) are refused.
  std::vector<std::pair<std::string, std::string>> environment;
  // Variables of this process to hand on where they are set. Names that look like a secret (KEY,
  // TOKEN, SECRET, PASSWORD, CREDENTIAL) and LD_* are refused.
  std::vector<std::string> inherit;
  std::string input;             // its standard input
  bool keep_input_open = false;  // otherwise the input ends after `input`
};

// Each bound has an effect that can be seen. Per process, not for all together: memory_bytes,
// file_bytes, open_files, cpu.
struct Limits {
  std::chrono::milliseconds wall{30'000};  // then SIGTERM to all, and SIGKILL after `grace`
  std::chrono::milliseconds grace{3'000};
  std::chrono::seconds cpu{30};             // SIGXCPU, a second later SIGKILL
  std::uint64_t memory_bytes = 4ull << 30;  // address space: allocation fails
  std::uint64_t file_bytes = 64ull << 20;   // longest file it can write: SIGXFSZ
  std::uint64_t open_files = 256;           // EMFILE
  // fork fails. For root the bound is looser, up to 300 more: the kernel has no other for root.
  std::uint64_t processes = 64;
  std::uint64_t scratch_bytes = 64ull << 20;  // /tmp and /dev/shm together: ENOSPC
  std::size_t output_bytes =
      100'000;  // of each stream; head and tail are kept, the rest is counted
  std::size_t input_bytes = 1u << 20;  // input not yet taken; more is refused
};

// Output within its bound. Bytes as they came: not necessarily UTF-8.
struct Captured {
  std::string head;
  std::string tail;
  std::uint64_t left_out = 0;              // between the two
  [[nodiscard]] std::string text() const;  // with a note where something was left out
};

enum class End {
  kExited,     // by itself; `code` is its exit code
  kSignalled,  // by a signal (of its own doing, or a limit); `code` is the signal
  kTimeout,    // the wall time was over
  kKilled,     // Process::terminate or kill
};

struct Outcome {
  End end = End::kExited;
  int code = 0;
  Captured out;
  Captured err;
  std::chrono::milliseconds wall{0};
  std::chrono::milliseconds cpu{0};  // of all its processes that were waited for; 0 when killed
};

class Tree;

// A program and everything it started. Loop thread only. When it ends, is killed, or the Process or
// this whole process dies, every process in it dies at once, however it detached itself.
class Process {
 public:
  // Returns when the program runs, or says why it cannot: kInvalid (the Command), kNotFound (no
  // such program), kUnsupported (a layer cannot be applied), kTooLarge, kExhausted.
  static Task<Result<std::unique_ptr<Process>>> start(Ctx ctx, Command command, Limits limits = {});
  ~Process();  // kills; waits the few milliseconds that this takes
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // To its standard input, in the background. kExhausted over Limits::input_bytes not yet taken,
  // kUnavailable when it no longer listens.
  Result<void> write(std::string_view bytes);
  void end_input();
  // What came since the last take, within Limits::output_bytes each.
  Captured take_out();
  Captured take_err();
  [[nodiscard]] bool running() const;
  // Until it has ended and the whole tree is gone; what was not taken is in the Outcome. The Ctx
  // bounds the waiting alone.
  Task<Result<Outcome>> wait(Ctx ctx);
  void terminate();  // SIGTERM to all, SIGKILL after Limits::grace
  void kill();       // SIGKILL to all

 private:
  explicit Process(std::shared_ptr<Tree> tree);
  std::shared_ptr<Tree> tree_;
};

// Runs to the end. When the Ctx ends first the tree is killed and gone before kTimeout or
// kCancelled is returned.
Task<Result<Outcome>> run(Ctx ctx, Command command, Limits limits = {});

// What protects on this machine, by running a program in all of it: "Landlock ABI 7, seccomp, …";
// or the Error of the layer that is missing.
Task<Result<std::string>> probe(Ctx ctx);

}  // namespace skep::sandbox
