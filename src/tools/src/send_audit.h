// One line for every xmpp_send, whatever came of it.
#pragma once

#include <string>

#include "skep/tools/xmpp_send.h"

namespace skep::tools {

// Loop thread only. Files by month: "<path without .jsonl>-2026-03.jsonl"; those older than
// retention_days are removed when a month begins.
class SendAudit {
 public:
  struct Entry {
    WallTime at{};
    std::string to;
    std::string body;
    const Conversation& conversation;
    std::string result;  // "sent", "denied: …"
    std::string message_id;
  };
  explicit SendAudit(const XmppSendConfig& config) : config_(config) {}
  // An error: it could not be written, and then nothing may be sent.
  Result<void> append(const Entry& entry);

 private:
  Result<void> open_month(const std::string& month);
  void remove_old(WallTime now) const;

  const XmppSendConfig& config_;
  std::string month_;
  std::optional<store::AppendFile> file_;
};

}  // namespace skep::tools
