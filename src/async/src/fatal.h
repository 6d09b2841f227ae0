// The end of the process for our own bugs: one line in the log, then abort().
#pragma once

#include <exception>
#include <string_view>

namespace skep {

[[noreturn]] void die(std::string_view why);
[[noreturn]] void die_of_exception(std::string_view where, const std::exception_ptr& exception);

}  // namespace skep
