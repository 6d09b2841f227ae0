// The floor: two processes and one Unix socket, blocking reads and writes, nothing looked at. One
// item is two round trips, as many hops as request/reply takes through a router.
// `raw_peer CPU_HERE CPU_THERE`; "run 1 COUNT ping:BYTES".
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "../measure.h"
#include "node.h"

namespace {

using namespace skep::bench;

void read_all(int fd, std::string& into) {
  std::size_t have = 0;
  while (have < into.size()) {
    const ssize_t got = ::read(fd, into.data() + have, into.size() - have);
    if (got <= 0) ::_exit(0);
    have += static_cast<std::size_t>(got);
  }
}

void write_all(int fd, const std::string& bytes) {
  if (::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) ::_exit(1);
}

// An order begins with its size and its number of trips.
[[noreturn]] void answer(int fd, int cpu) {
  end_with_parent();
  pin(cpu);
  while (true) {
    std::string head(16, '\0');
    read_all(fd, head);
    const std::size_t size = std::stoul(head.substr(0, 8)), rounds = std::stoul(head.substr(8));
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < rounds; ++i) {
      read_all(fd, bytes);
      write_all(fd, bytes);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) die("no socket pair");
  const pid_t there = ::fork();
  if (there == 0) answer(ends[1], std::atoi(argv[2]));
  pin(std::atoi(argv[1]));
  print_line("ready");
  while (const auto order = read_order()) {
    std::string bytes(std::stoul(order->target.substr(order->target.find(':') + 1)), 'w');
    write_all(ends[0], fmt::format("{:08}{:08}", bytes.size(), 2 * order->count));
    Round round;
    for (int i = 0; i < order->count; ++i) {
      const auto started = Steady::now();
      for (int trip = 0; trip < 2; ++trip) {
        write_all(ends[0], bytes);
        read_all(ends[0], bytes);
      }
      round.add(started);
    }
    round.print();
  }
  ::kill(there, SIGTERM);
  ::waitpid(there, nullptr, 0);
}
