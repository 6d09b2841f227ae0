// The same two processes over nats-server and libnats: `nats_peer URL CPU_HERE CPU_THERE`, orders
// as skep_peer takes them. "oneway" is libnats as it comes (it gathers what is published), "single"
// its SendAsap option.
#include <nats/nats.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "../measure.h"
#include "node.h"

namespace {

using namespace skep::bench;

void check(natsStatus status) {
  if (status != NATS_OK) die(natsStatus_GetText(status));
}

natsConnection* connect(const char* url, bool asap) {
  natsOptions* options = nullptr;
  check(natsOptions_Create(&options));
  check(natsOptions_SetURL(options, url));
  check(natsOptions_SetSendAsap(options, asap));
  natsConnection* connection = nullptr;
  check(natsConnection_Connect(&connection, options));
  natsOptions_Destroy(options);
  return connection;
}

[[noreturn]] void answer(const char* url, int cpu) {
  end_with_parent();
  pin(cpu);
  natsConnection* connection = connect(url, true);
  natsSubscription* all = nullptr;
  check(natsConnection_SubscribeSync(&all, connection, "there.>"));
  check(natsSubscription_SetPendingLimits(all, -1, -1));
  std::uint64_t heard = 0, window = 1;
  while (true) {
    natsMsg* message = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&message, all, 3'600'000);
    if (status != NATS_OK) ::_exit(1);
    const std::string_view subject = natsMsg_GetSubject(message);
    if (subject == "there.ping") {
      check(natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                                   natsMsg_GetDataLength(message)));
    } else if (subject == "there.window") {
      std::from_chars(natsMsg_GetData(message),
                      natsMsg_GetData(message) + natsMsg_GetDataLength(message), window);
      heard = 0;
    } else if (++heard % (window / 2) == 0 || subject == "there.end") {
      check(natsConnection_Publish(connection, "here.credit", "", 0));
    }
    natsMsg_Destroy(message);
  }
}

void ping(natsConnection* connection, int count, const std::string& words) {
  Round round;
  for (int i = 0; i < count; ++i) {
    const auto started = Steady::now();
    natsMsg* reply = nullptr;
    check(natsConnection_Request(&reply, connection, "there.ping", words.data(),
                                 static_cast<int>(words.size()), 10'000));
    natsMsg_Destroy(reply);
    round.add(started);
  }
  round.print();
}

void credit(natsSubscription* credits) {
  natsMsg* message = nullptr;
  check(natsSubscription_NextMsg(&message, credits, 10'000));
  natsMsg_Destroy(message);
}

void stream(natsConnection* connection, natsSubscription* credits, int window, int count,
            const std::string& words) {
  check(natsConnection_PublishString(connection, "there.window", std::to_string(window).c_str()));
  const int half = window / 2, credits_due = (count + half - 1) / half;
  Round round;
  const auto started = Steady::now();
  int heard = 0;
  for (int i = 1; i <= count; ++i) {
    check(natsConnection_Publish(connection, i == count ? "there.end" : "there.x", words.data(),
                                 static_cast<int>(words.size())));
    const bool last = i == count;
    for (; heard < credits_due && (last || i - heard * half >= window); ++heard) credit(credits);
  }
  round.add_stream(started, count);
  round.print();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const pid_t there = ::fork();
  if (there == 0) answer(argv[1], std::atoi(argv[3]));
  pin(std::atoi(argv[2]));
  natsConnection* gathering = connect(argv[1], false);
  natsConnection* asap = connect(argv[1], true);
  natsSubscription *one = nullptr, *two = nullptr;
  check(natsConnection_SubscribeSync(&one, gathering, "here.credit"));
  check(natsConnection_SubscribeSync(&two, asap, "here.credit"));
  ::usleep(200'000);  // the other subscribes
  print_line("ready");
  while (const auto order = read_order()) {
    const std::size_t colon = order->target.find(':');
    const std::string what = order->target.substr(0, colon);
    const std::string words(std::stoul(order->target.substr(colon + 1)), 'w');
    if (what == "ping") ping(asap, order->count, words);
    if (what == "oneway") stream(gathering, one, order->in_flight, order->count, words);
    if (what == "single") stream(asap, two, order->in_flight, order->count, words);
    for (natsSubscription* credits : {one, two}) {  // both hear every credit
      natsMsg* message = nullptr;
      while (natsSubscription_NextMsg(&message, credits, 20) == NATS_OK) natsMsg_Destroy(message);
    }
  }
  ::kill(there, SIGTERM);
  ::waitpid(there, nullptr, 0);
}
