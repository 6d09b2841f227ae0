// Runs inside the sandbox and tries to get out: `escape_child NAME OUTSIDE HOST_PID PORT`.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace escape {

// What the test outside has laid out for the attempts.
struct Target {
  std::string
      outside;  // a folder that is not shown, with `secret.txt`, `program` and the socket `door`
  int pid = 0;  // the test's
  std::uint16_t port = 0;  // where it listens, on 127.0.0.1 and ::1
  [[nodiscard]] std::string secret() const { return outside + "/secret.txt"; }
};

// True: it got out. False: refused, errno says how.
using Try = bool (*)(const Target&);
struct Attempt {
  const char* name;
  Try run;
};

std::vector<Attempt> file_attempts();
std::vector<Attempt> kernel_attempts();
std::vector<Attempt> network_attempts();
std::vector<Attempt> limit_attempts();

}  // namespace escape
