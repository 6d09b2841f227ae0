// Blocking sockets and the least that XMPP needs: what a component or client on raw sockets would
// do.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skep::bench {

class Wire {
 public:
  // Connects to 127.0.0.1 or ends the program.
  explicit Wire(const std::string& port);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void send(std::string_view bytes) const;
  // Reads until `mark` has come, and gives everything up to its end.
  std::string read_until(std::string_view mark);
  // Waits for more bytes; the program ends when the server closes the stream.
  void read_some();
  // The next whole <message> of what was read; everything before it is dropped.
  std::optional<std::string> next_message();

 private:
  int fd_ = -1;
  std::string in_;
};

// The raw (still escaped) value of an attribute of the stanza's first tag; empty when absent.
std::string_view attribute(std::string_view stanza, std::string_view name);
// The raw text between the first <body> and </body>; nullopt without one.
std::optional<std::string_view> body_of(std::string_view stanza);

}  // namespace skep::bench
