// A configuration as single values, for finding what has changed.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "skep/base/result.h"

namespace skep {

// "agent.name" -> the value's text, before variables are expanded; lists of tables count:
// "rooms[0].room". Equal texts mean equal values. kInvalid on bad TOML.
Result<std::map<std::string, std::string>> config_keys(std::string_view toml);

}  // namespace skep
