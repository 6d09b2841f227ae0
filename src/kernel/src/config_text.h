// skep.toml as people may read it who cannot read the file.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace skep::kernel {

// The keys that begin with `section` ("agent", "llm.tiers"; empty: all), a line each, with what is
// secret left out; at most some kilobytes.
std::string config_text(const std::map<std::string, std::string>& keys, std::string_view section);

}  // namespace skep::kernel
