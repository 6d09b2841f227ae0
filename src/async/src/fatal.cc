#include "fatal.h"

#include <cstdlib>

#include "skep/base/log.h"

namespace skep {

void die(std::string_view why) {
  log::error("async", "{}", why);
  std::abort();
}

void die_of_exception(std::string_view where, const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    die(fmt::format("exception in {}: {}", where, e.what()));
  } catch (...) {
    die(fmt::format("exception of unknown type in {}", where));
  }
}

}  // namespace skep
