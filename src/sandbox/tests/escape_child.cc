#include "escape_child.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  escape::Target target;
  if (argc > 2) target.outside = argv[2];
  if (argc > 3) target.pid = std::atoi(argv[3]);
  if (argc > 4) target.port = static_cast<std::uint16_t>(std::atoi(argv[4]));
  for (const auto& attempts : {escape::file_attempts(), escape::kernel_attempts(),
                               escape::network_attempts(), escape::limit_attempts()}) {
    for (const escape::Attempt& attempt : attempts) {
      if (std::strcmp(attempt.name, argv[1]) != 0) continue;
      errno = 0;
      const bool escaped = attempt.run(target);
      std::printf("%s %s\n", escaped ? "ESCAPED" : "refused:", std::strerror(errno));
      return escaped ? 1 : 0;
    }
  }
  std::printf("no attempt %s\n", argv[1]);
  return 2;
}
