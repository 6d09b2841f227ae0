#include "cli/command_line.h"

int main(int argc, char** argv) { return skep::cli::run(argc, argv); }
