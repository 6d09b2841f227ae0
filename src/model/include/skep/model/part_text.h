// A message's parts as JSON text, written without a tree of values: the members and their order are
// those of to_json_value().
#pragma once

#include <string>
#include <vector>

#include "skep/model/part.h"

namespace skep {

void append_json(std::string& out, const std::vector<Part>& parts);

}  // namespace skep
