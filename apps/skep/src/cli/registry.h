// One request, and the daemon that answers it: the one that runs, else one inside this process for
// the length of the command.
#pragma once

#include <string>

#include "command_line.h"
#include "skep/base/json.h"

namespace skep::cli {

class Registry {
 public:
  static Result<json::value> get(const Options& options, std::string path);
  static Result<json::value> post(const Options& options, std::string path, json::object body);
};
int print_json(const json::value& value);  // 0

}  // namespace skep::cli
