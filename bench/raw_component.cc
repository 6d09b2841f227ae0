// The floor under an XMPP echo: a component (XEP-0114) on a raw socket that looks for <message> and
// answers it with the elements that skep's reply has (the server pays for each of them), and does
// nothing else a real one must.
//
//   bench_raw_component PORT DOMAIN SECRET
#include <fmt/format.h>

#include "measure.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::bench {

namespace {

void shake_hands(Wire& wire, std::string_view domain, std::string_view secret) {
  wire.send(
      fmt::format("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
                  "xmlns:stream='http://etherx.jabber.org/streams' to='{}'>",
                  domain));
  wire.read_until("<stream:stream");
  const std::string tag = wire.read_until(">");
  const std::string id(attribute(tag, "id"));
  wire.send(fmt::format("<handshake>{}</handshake>", hex_encode(sha1(id + std::string(secret)))));
  wire.read_until("<handshake/>");
}

// The elements of a reply of skep's, so that the server reads and copies as many: XEP-0085,
// XEP-0359, the mark of a program.
void append_reply(std::string& out, std::string_view asked) {
  const std::string_view id = attribute(asked, "id");
  fmt::format_to(std::back_inserter(out),
                 "<message from='{}' to='{}' type='chat' id='{}'><body>pong</body>"
                 "<active xmlns='http://jabber.org/protocol/chatstates'/><origin-id "
                 "xmlns='urn:xmpp:sid:0' id='{}'/>"
                 "<auto xmlns='urn:fluux:agent:0#meta' depth='1'/></message>",
                 attribute(asked, "to"), attribute(asked, "from"), id, id);
}

[[noreturn]] void answer_forever(Wire& wire) {
  std::string out;
  while (true) {
    wire.read_some();
    out.clear();
    while (const auto message = wire.next_message()) {
      if (!body_of(*message) || attribute(*message, "type") == "error") continue;
      append_reply(out, *message);
    }
    if (!out.empty()) wire.send(out);
  }
}

}  // namespace

}  // namespace skep::bench

int main(int argc, char** argv) {
  using namespace skep::bench;
  if (argc != 4) die("usage: bench_raw_component PORT DOMAIN SECRET");
  Wire wire(argv[1]);
  shake_hands(wire, argv[2], argv[3]);
  print_line("ready");
  answer_forever(wire);
}
