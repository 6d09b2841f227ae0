// Who understands chat states (XEP-0085 5.1): we ask by sending one, and stop when the answer
// carries none.
#pragma once

#include "bounded_map.h"
#include "skep/xmpp/stanza.h"

namespace skep::channels {

class Peers {
 public:
  static constexpr std::size_t kPeersMax = 4096;  // forgotten ones count as new

  void heard(const xmpp::ChatMessage& chat) {
    Known& known = peers_.touch(chat.from.str());
    if (!chat.chat_state.empty())
      known.uses = true, known.refuses = false;
    else if (chat.has_body && known.told && !known.uses)
      known.refuses = true;
  }
  // Whether to ask what that client can do; true once for each.
  [[nodiscard]] bool should_ask(const std::string& full_jid) {
    return !std::exchange(peers_.touch(full_jid).asked, true);
  }
  void learnt(const std::string& full_jid, bool corrects) {
    peers_.touch(full_jid).corrects = corrects;
  }
  [[nodiscard]] bool takes_corrections(const std::string& full_jid) {
    const Known* known = peers_.find(full_jid);
    return known != nullptr && known->corrects;
  }
  [[nodiscard]] bool takes_states(const std::string& full_jid) {
    const Known* known = peers_.find(full_jid);
    return known == nullptr || !known->refuses;
  }
  void told(const std::string& full_jid) { peers_.touch(full_jid).told = true; }
  void forget(const std::string& full_jid) { peers_.erase(full_jid); }

 private:
  struct Known {
    bool told = false;      // we sent a state
    bool uses = false;      // and this client sent one
    bool asked = false;     // we asked what it can do
    bool corrects = false;  // it announces XEP-0308
    bool refuses = false;   // it answered ours without
  };
  BoundedMap<Known> peers_{kPeersMax};
};

}  // namespace skep::channels
