// A foreign XMPP server that follows a script, one connection per script. Each line of a script is
// one of
//   "C <text>"   reads from the client until <text> has come, and forgets everything up to its end
//   "S <text>"   sends <text>; {id} is the last id='…' that came, {to} the last to='…'
//   "S1 <text>"  the same, one byte a segment
//   "TLS"        becomes the TLS server
//   "SCRAM"      plays the server of SCRAM-SHA-256 for the password "pencil"; "FORGED" does so
//   without knowing it "QUIET"      says nothing and reads nothing until the test stops it "END"
//   closes the connection
// After the last line it reads until the client ends, and answers the end of its stream.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/gate.h"
#include "skep/async/loop.h"
#include "skep/net/stream.h"

namespace skep::xmpp::testing {

using Script = std::vector<std::string>;

// A certificate for `name`, valid today, and its key, as PEM files in a directory that goes with
// it.
class Certificate {
 public:
  explicit Certificate(const std::string& name);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  [[nodiscard]] std::string certificate_file() const { return directory_ + "/cert.pem"; }
  [[nodiscard]] std::string key_file() const { return directory_ + "/key.pem"; }

 private:
  std::string directory_;
};

class FakeServer {
 public:
  // Serves the scripts in turn, the last one for all further connections.
  FakeServer(Loop& loop, std::vector<Script> scripts, const Certificate* certificate = nullptr);
  ~FakeServer();

  [[nodiscard]] std::uint16_t port() const { return acceptor_->port(); }
  [[nodiscard]] std::size_t connections() const { return connections_; }
  // Everything that clients sent, TLS unwrapped.
  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  struct Talk;
  Task<void> accept_loop();
  Task<void> serve(std::unique_ptr<net::Stream> stream, Script script);

  Loop& loop_;
  std::vector<Script> scripts_;
  const Certificate* certificate_;
  std::unique_ptr<net::Acceptor> acceptor_;
  Gate gate_;
  std::size_t connections_ = 0;
  std::string received_;
};

}  // namespace skep::xmpp::testing
