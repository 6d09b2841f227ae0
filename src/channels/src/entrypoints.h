// Our addresses: who answers what is written to one, which conversations are its own, and what
// others see of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "skep/channels/xmpp_channel.h"

namespace skep::channels {

struct Avatar {
  std::string bytes;
  std::string media_type;  // "image/png"
  std::string id;          // hex SHA-1 of the bytes, as XEP-0084 and XEP-0153 have it
};

struct Entrypoint {
  xmpp::Jid address;  // bare; empty: every other one
  Destination agent;
  std::string id;  // Conversation::entrypoint
  std::string name;
  std::string description;
  std::optional<Avatar> avatar;
};

// Immutable.
class Entrypoints {
 public:
  // kInvalid naming what is wrong: an agent that is no node's name, an avatar that cannot be read.
  static Result<Entrypoints> open(const XmppChannelConfig& config, const Destination& usual,
                                  const std::string& hive);

  // Of an address of ours; of one that has nothing of its own the usual one.
  [[nodiscard]] const Entrypoint& of(const xmpp::Jid& address) const;
  [[nodiscard]] const Entrypoint& of(std::string_view address) const;
  // Those with something of their own, by address.
  [[nodiscard]] std::vector<const Entrypoint*> all() const;

 private:
  Entrypoint usual_;
  std::map<xmpp::Jid, Entrypoint> own_;
};

}  // namespace skep::channels
