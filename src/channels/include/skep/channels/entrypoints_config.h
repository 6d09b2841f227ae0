// [[server.addresses]]: what several addresses of one component are called, and who answers there.
#pragma once

#include <string>
#include <vector>

#include "skep/base/config.h"
#include "skep/xmpp/jid.h"

namespace skep::channels {

// What others see of an address.
struct Profile {
  std::string name;         // empty: the agent's
  std::string description;  // in its vCard
  std::string avatar_file;  // PNG, JPEG, GIF or WebP, at most kAvatarBytesMax
  static constexpr std::size_t kAvatarBytesMax = 64u << 10;

  void read(ConfigSection& section);
};

struct EntrypointConfig {
  xmpp::Jid address;  // bare, on the component's domain
  std::string agent;  // the node that answers, "AI.support"; empty: the channel's
  Profile profile;

  static constexpr std::size_t kEntrypointsMax = 1000;
  // All [[…addresses]] of a [server] or [[accounts]]. Twice the same localpart, or one that is
  // none, is a problem.
  static std::vector<EntrypointConfig> read(ConfigSection server, const std::string& domain);
};

}  // namespace skep::channels
