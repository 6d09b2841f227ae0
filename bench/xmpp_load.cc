// A person on XMPP who keeps a number of messages in flight: logs in with SASL PLAIN over plain TCP
// (the throwaway server allows it), sends "/ping" to the order's target, counts the replies with a
// body. Replies are taken in order.
//
//   bench_xmpp_load PORT USER DOMAIN PASSWORD
#include <fmt/format.h>

#include <deque>

#include "measure.h"
#include "skep/base/text.h"
#include "wire.h"

namespace skep::bench {

namespace {

void open_stream(Wire& wire, std::string_view domain) {
  wire.send(
      fmt::format("<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' "
                  "xmlns:stream='http://etherx.jabber.org/streams' to='{}'>",
                  domain));
  wire.read_until("</stream:features>");
}

void log_in(Wire& wire, const std::string& user, std::string_view domain,
            const std::string& password) {
  open_stream(wire, domain);
  const std::string plain = '\0' + user + '\0' + password;
  wire.send(
      fmt::format("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
                  base64_encode(plain)));
  wire.read_until("<success");
  wire.read_until(">");
  open_stream(wire, domain);
  wire.send(
      "<iq type='set' id='b'><bind "
      "xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>");
  wire.read_until("</iq>");
  wire.send("<presence/>");
}

class Person {
 public:
  explicit Person(Wire& wire) : wire_(wire) {}

  void run(const Order& order) {
    Round round;
    to_start_ = order.count;
    for (int i = 0; i < order.in_flight; ++i) ask(order.target);
    send_pending();
    while (round.count() < order.count) {
      wire_.read_some();
      while (const auto message = wire_.next_message()) take(*message, order.target, round);
      send_pending();
    }
    round.print();
  }

 private:
  void ask(const std::string& target) {
    if (to_start_-- <= 0) return;
    fmt::format_to(std::back_inserter(pending_),
                   "<message to='{}' id='l{}' type='chat'><body>/ping</body></message>", target,
                   ++serial_);
    asked_.push_back(Steady::now());
  }

  void take(const std::string& message, const std::string& target, Round& round) {
    if (attribute(message, "type") == "error") die("an error came back: " + message);
    if (!body_of(message)) return;  // a chat state
    if (!attribute(message, "from").starts_with(target))
      die("a message from somebody else: " + message);
    // Answers that others have overtaken quote their question in front.
    if (!body_of(message)->ends_with("pong")) die("not the answer to /ping: " + message);
    if (asked_.empty()) die("more replies than questions: " + message);
    round.add(asked_.front());
    asked_.pop_front();
    ask(target);
  }

  void send_pending() {
    if (!pending_.empty()) wire_.send(pending_);
    pending_.clear();
  }

  Wire& wire_;
  std::deque<Steady::time_point> asked_;
  std::string pending_;
  int to_start_ = 0;
  int serial_ = 0;
};

}  // namespace

}  // namespace skep::bench

int main(int argc, char** argv) {
  using namespace skep::bench;
  if (argc != 5) die("usage: bench_xmpp_load PORT USER DOMAIN PASSWORD");
  Wire wire(argv[1]);
  log_in(wire, argv[2], argv[3], argv[4]);
  print_line("ready");
  Person person(wire);
  while (const auto order = read_order()) {
    if (order->target.empty()) die("an order without a target");
    person.run(*order);
  }
}
