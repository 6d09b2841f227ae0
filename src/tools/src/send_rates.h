// How often xmpp_send may speak.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "skep/tools/xmpp_send.h"

namespace skep::tools {

// In memory: a restart forgets, at most a minute's and an hour's worth. Loop thread only.
class SendRates {
 public:
  static constexpr std::size_t kContactsMax = 1000;  // counted; further ones are refused

  explicit SendRates(const XmppSendConfig& config) : config_(config) {}
  // nullopt: it may be sent, and counts. Else why not.
  std::optional<std::string> take(const std::string& to, WallTime now);

 private:
  void drop_old(WallTime now);

  const XmppSendConfig& config_;
  std::deque<WallTime> all_;
  std::map<std::string, std::deque<WallTime>> by_contact_;
  std::optional<WallTime> quiet_until_;
};

}  // namespace skep::tools
