// Two processes that talk through the router as Skep's own processes do: NodeLink, a Message made
// and taken apart at either end. `link_peer SOCKET CPU_HERE CPU_THERE`; orders as skep_peer takes
// them: "ping" and "oneway" are messages that nobody acknowledges, as NATS's are not; "acked" is a
// stream of kUser messages, each kept until the receiver has acknowledged it.
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <semaphore>
#include <thread>

#include "../measure.h"
#include "node.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/fabric/node_link.h"

namespace skep::bench {
namespace {

using fabric::NodeLink;

constexpr const char* kThere = "AI.link.there";  // not the name that skep_peer has

std::unique_ptr<NodeLink> open_link(Loop& loop, const std::string& socket, const std::string& name,
                                    Inbox& inbox) {
  auto link = NodeLink::open({.router = socket, .name = name, .persistent = false},
                             {.loop = loop, .inbox = inbox});
  if (!link) die(link.error().message);
  (*link)->start();
  return std::move(*link);
}

Message message_to(Destination to, std::string action, std::string words, Kind kind) {
  Message message;
  message.dst = std::move(to);
  message.kind = kind;
  message.action = std::move(action);
  message.parts.emplace_back(TextPart{std::move(words)});
  return message;
}

std::string words_of(Message& message) {
  return message.parts.empty() ? std::string() : text_of(message.parts);
}

void send(NodeLink& link, Message message) {
  if (auto sent = link.deliver(std::move(message)); !sent) die(sent.error().message);
}

void expect_good(const Message& message) {
  if (message.kind == Kind::kSystem) die("a message did not arrive: " + message.action);
}

// Echoes a "ping", counts the rest and gives credit back by halves of the window.
class There final : public Inbox {
 public:
  There(Loop& loop, const std::string& socket) : link_(open_link(loop, socket, kThere, *this)) {}

  Result<void> deliver(Message message) override {
    expect_good(message);
    if (message.action == "ping") {
      send(*link_, message_to(message.src, "ping", words_of(message), Kind::kControl));
    } else if (message.action == "window") {
      const std::string words = words_of(message);
      std::from_chars(words.data(), words.data() + words.size(), window_);
      heard_ = 0;
    } else if (++heard_ % (window_ / 2) == 0 || message.action == "end") {
      send(*link_, message_to(message.src, "credit", "", Kind::kControl));
    }
    return {};
  }

 private:
  std::unique_ptr<NodeLink> link_;
  std::uint64_t heard_ = 0, window_ = 2;
};

class Here final : public Inbox {
 public:
  Here(Loop& loop, const std::string& socket)
      : loop_(loop), link_(open_link(loop, socket, "AI.link.here", *this)) {}

  void await_link() {
    while (!link_->status().up) (void)loop_.run(sleep_for(Ctx(), std::chrono::milliseconds(5)));
  }

  // On the loop; `done` when the order is finished.
  void begin(const Order& order, std::function<void()> done) {
    const std::size_t colon = order.target.find(':');
    what_ = order.target.substr(0, colon);
    words_.assign(std::stoul(order.target.substr(colon + 1)), 'w');
    count_ = order.count;
    window_ = order.in_flight;
    sent_ = credits_ = 0;
    done_ = std::move(done);
    round_.emplace();
    if (what_ != "ping") say("window", std::to_string(window_), Kind::kControl);
    started_ = Steady::now();
    more();
  }

  Result<void> deliver(Message message) override {
    expect_good(message);
    if (message.action == "ping") {
      round_->add(started_);
      if (sent_ == count_) return finish(), Result<void>();
      started_ = Steady::now();
    } else {
      ++credits_;
      const int half = window_ / 2;
      if (credits_ == (count_ + half - 1) / half) {
        round_->add_stream(started_, count_);
        return finish(), Result<void>();
      }
    }
    more();
    return {};
  }

 private:
  void more() {
    if (what_ == "ping") {
      ++sent_;
      return say("ping", words_, Kind::kControl);
    }
    const Kind kind = what_ == "acked" ? Kind::kUser : Kind::kControl;
    while (sent_ < count_ && sent_ - credits_ * (window_ / 2) < window_) {
      ++sent_;
      say(sent_ == count_ ? "end" : "x", words_, kind);
    }
  }
  void say(std::string action, std::string words, Kind kind) {
    send(*link_, message_to(to_, std::move(action), std::move(words), kind));
  }
  void finish() {
    round_->print();
    done_();
  }

  Loop& loop_;
  std::unique_ptr<NodeLink> link_;
  Name to_ = *Name::parse(kThere, "bench");
  std::string what_, words_;
  int count_ = 0, window_ = 0, sent_ = 0, credits_ = 0;
  std::optional<Round> round_;
  Steady::time_point started_;
  std::function<void()> done_;
};

[[noreturn]] void answer(const std::string& socket, int cpu) {
  end_with_parent();
  pin(cpu);
  Loop loop;
  There there(loop, socket);
  loop.run();
  ::_exit(0);
}

int run(const std::string& socket, int cpu_here, int cpu_there) {
  const pid_t there = ::fork();
  if (there == 0) answer(socket, cpu_there);
  pin(cpu_here);
  Loop loop;
  Here here(loop, socket);
  here.await_link();
  ::usleep(200'000);  // the other registers
  print_line("ready");
  std::binary_semaphore finished{0};
  std::thread orders([&] {
    while (const auto order = read_order()) {
      loop.post([&, order = *order] { here.begin(order, [&] { finished.release(); }); });
      finished.acquire();
    }
    loop.stop();
  });
  loop.run();
  orders.join();
  ::kill(there, SIGTERM);
  ::waitpid(there, nullptr, 0);
  std::_Exit(0);
}

}  // namespace
}  // namespace skep::bench

// NOLINTNEXTLINE(bugprone-exception-escape): a bench may end by one
int main(int argc, char** argv) {
  if (argc != 4) return 64;
  return skep::bench::run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
}
