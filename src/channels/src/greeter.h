// What people get when they come online: a greeting, a question to the agent in their name. At most
// once in a while, not at night, and not to who does not want to be spoken to.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "skep/base/clock.h"
#include "skep/channels/presence_config.h"
#include "skep/xmpp/jid.h"

namespace skep::channels {

// Loop thread only.
class Greeter {
 public:
  static constexpr std::size_t kGreetedMax = 10'000;  // remembered; then nobody new is greeted

  struct Deps {
    const PresenceConfig& config;
    const Clock& clock;
    std::function<Result<void>(const xmpp::Jid& address, const xmpp::Jid& who, std::string)> say;
    std::function<Result<void>(const xmpp::Jid& address, const xmpp::Jid& who, std::string)> ask;
    std::string file;  // empty: in memory only
  };
  explicit Greeter(Deps deps);

  // True: they were greeted. `was_away`: nullopt when it is not known, and then nothing is said.
  bool came_online(const xmpp::Jid& address, const xmpp::Jid& who, std::optional<Millis> was_away);

 private:
  bool is_due(const std::string& who, WallTime now);
  void load();
  void save() const;

  Deps deps_;
  std::map<std::string, WallTime> greeted_;
};

}  // namespace skep::channels
