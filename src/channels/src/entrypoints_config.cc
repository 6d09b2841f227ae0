#include "skep/channels/entrypoints_config.h"

#include <algorithm>

namespace skep::channels {

void Profile::read(ConfigSection& section) {
  section.read("name", name);
  section.read("description", description);
  section.read("avatar_file", avatar_file);
}

std::vector<EntrypointConfig> EntrypointConfig::read(ConfigSection server,
                                                     const std::string& domain) {
  std::vector<EntrypointConfig> all;
  for (ConfigSection& section : server.list("addresses")) {
    EntrypointConfig one;
    std::string local;
    section.read("local", local);
    section.read("agent", one.agent);
    one.profile.read(section);
    const auto address = xmpp::Jid::parse(local + "@" + domain);
    if (local.empty() || !address || !address->is_bare() || address->local().empty()) {
      section.problem("local", "must be what stands before @, like \"support\"");
      continue;
    }
    one.address = *address;
    if (std::ranges::find(all, one.address, &EntrypointConfig::address) != all.end()) {
      section.problem("local", one.address.str() + " is there twice");
    } else if (all.size() >= kEntrypointsMax) {
      section.problem("local", fmt::format("at most {} addresses", kEntrypointsMax));
    } else {
      all.push_back(std::move(one));
    }
  }
  return all;
}

}  // namespace skep::channels
