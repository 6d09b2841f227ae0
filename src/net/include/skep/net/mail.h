// E-mail over a server that takes it from us: SMTP submission (RFC 6409), with libcurl.
#pragma once

#include <memory>
#include <string>

#include "skep/async/ctx.h"
#include "skep/async/loop.h"
#include "skep/async/task.h"
#include "skep/base/clock.h"
#include "skep/base/secret.h"

namespace skep::net {

struct MailServer {
  // "smtps://mail.example.org" (TLS from the first byte, port 465), "smtp://mail.example.org:587"
  // (STARTTLS, without which nothing is sent).
  std::string url;
  bool tls = true;  // false: smtp:// as it is, for a server on this machine
  std::string user;
  Secret password;      // both empty: without
  std::string ca_file;  // PEM; empty: the system's store
};

struct Mail {
  std::string id;        // of the message, the same when it is sent again: "01J…"
  std::string from, to;  // plain addresses
  std::string subject;   // UTF-8, one line
  std::string text;      // UTF-8
  WallTime at{};
};

// As it goes over the wire (RFC 5322): ASCII only, lines of at most 78 bytes that end with CR LF.
// Pure. kInvalid for addresses, an id or a subject with line breaks or other control characters.
Result<std::string> mail_text(const Mail& mail);

// Loop thread only. Nothing may be under way at destruction. libcurl waits for a mail server's last
// word without giving the thread back, so that one thread of our own does it, one mail at a time.
class Mailer {
 public:
  static constexpr std::chrono::milliseconds time_max{30'000};  // of one mail
  static Result<std::unique_ptr<Mailer>> open(Loop& loop, MailServer server);
  virtual ~Mailer() = default;

  // Ok: the server has taken it over. kDenied: it refused for good (a 5xx, a wrong password);
  // kUnavailable: it may take it later (a 4xx, no connection, no TLS); kTimeout, kCancelled,
  // kInvalid.
  virtual Task<Result<void>> send(Ctx ctx, Mail mail) = 0;
};

}  // namespace skep::net
