// Questions to people over XMPP: buttons where the client has them (XEP-0439), words everywhere, a
// thumb as well.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "skep/authority/approvals.h"
#include "xmpp_side.h"

namespace skep::kernel {

// Loop thread only. Both outlive it.
class ApprovalTalk {
 public:
  static constexpr std::size_t kShownMax = 1000;  // questions whose message is known

  ApprovalTalk(authority::Approvals& approvals, XmppSide& xmpp);
  ~ApprovalTalk() { stop_listening_(); }

  // What somebody says in `from`, or with what they react to the message `reacts_to`. nullopt: it
  // is no answer to a question there. Else what to say.
  std::optional<std::string> answer(const Conversation& from, std::string_view text,
                                    std::string_view reacts_to);

 private:
  void ask(const authority::Approval& approval);

  authority::Approvals& approvals_;
  XmppSide& xmpp_;
  std::map<std::string, std::string> shown_;  // id of our message -> of the question
  std::function<void()> stop_listening_;
};

}  // namespace skep::kernel
