// The mail server that takes what Skep sends.
#pragma once

#include <string>
#include <vector>

#include "skep/base/config.h"
#include "skep/net/mail.h"

namespace skep::kernel {

// [mail]
struct MailConfig {
  net::MailServer server;  // server, tls = "required" | "off", user, password, ca_file; "": no mail
  std::string from;        // as whom
  // Whom agents may have answers sent to by themselves: "ann@example.org", "*@example.org". People
  // who make a job may name anybody.
  std::vector<std::string> agents_may;

  [[nodiscard]] bool wanted() const { return !server.url.empty(); }
  [[nodiscard]] bool agents_may_write_to(std::string_view address) const;
  static MailConfig read(ConfigSection section);
};

}  // namespace skep::kernel
