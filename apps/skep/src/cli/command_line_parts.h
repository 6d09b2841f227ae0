// The parts of the command line that stand in files of their own.
#pragma once

#include <CLI/CLI.hpp>

#include "command_line.h"

namespace skep::cli {

inline void add_common(CLI::App& command, Options& options) {
  command.add_option("--home", options.home, "Where Skep keeps everything")->type_name("DIR");
}
inline void add_json(CLI::App& command, Options& options) {
  command.add_flag("--json", options.json, "Print JSON for programs");
}

void add_fabric(CLI::App& app, Options& options);  // command_line_fabric.cc
void add_cron(CLI::App& app, Options& options);    // command_line_cron.cc
void add_sign(CLI::App& agent, Options& options);  // command_line_sign.cc

}  // namespace skep::cli
