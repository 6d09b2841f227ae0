// One-tool turns through the whole house below the network: this program opens a Kernel in its
// process, attaches itself to the router as a channel and talks to the agent like any channel does,
// journal and transcripts on. Each conversation takes kTurnsPerConversation turns, then the slot
// becomes a new person: the same history again and again, so that the floor can replay the requests
// byte for byte.
//
//   bench_turn HOME [--text TEXT]     HOME/skep.toml names the model; prints the reply's text
//   instead of measuring
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <memory>

#include "measure.h"
#include "model_answers.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/kernel/kernel.h"

namespace skep::bench {

namespace {

constexpr int kTurnsPerConversation = 8;
constexpr std::chrono::seconds kRoundMax{300};

// The people: one slot for each message in flight.
class People : public Inbox {
 public:
  People(Loop& loop, kernel::Kernel& kernel)
      : loop_(loop),
        agent_(
            Name::from_label(NodeType::kAgent, kernel.config().agent.name, kernel.config().hive)) {
    const Name name = Name::from_label(NodeType::kChannel, "bench", kernel.config().hive);
    auto port = kernel.router().attach(name, NodeId{Uuid::random()}, *this);
    if (!port) die(port.error().to_string());
    port_ = *std::move(port);
  }

  Task<void> run(Order order, std::string text) {
    Round round;
    begin_round(order, std::move(text), round);
    Ctx ctx;
    ctx = ctx.within(kRoundMax);
    while (round.count() < order.count) {
      if (auto waited = co_await done_.wait(ctx); !waited)
        die("turns: " + waited.error().to_string());
    }
    round_ = nullptr;
    round.print();
  }

  // The answer. Sending waits for the next handler: a receiver never calls back into its sender.
  Result<void> deliver(Message message) override {
    if (message.kind != Kind::kReply) return {};
    const auto at = asked_.find(message.in_reply_to.str());
    if (at == asked_.end()) die("a reply to nothing that was asked, or a second one");
    Slot* slot = at->second;
    asked_.erase(at);
    round_->add(slot->started);
    last_reply_ = text_of(message.parts);
    if (check_ && last_reply_ != kFinalText) die("unexpected reply: " + last_reply_);
    if (round_->count() == round_wanted_) done_.notify_all();
    if (to_start_-- > 0) loop_.post([this, slot] { ask(*slot); });
    return {};
  }

  void accept_any_reply() { check_ = false; }
  [[nodiscard]] const std::string& last_reply() const { return last_reply_; }

 private:
  struct Slot {
    std::string peer;
    int turns = 0;
    Steady::time_point started;
  };

  void begin_round(const Order& order, std::string text, Round& round) {
    const auto wanted = static_cast<std::size_t>(order.in_flight);
    while (slots_.size() < wanted) slots_.push_back(std::make_unique<Slot>());
    round_ = &round;
    round_wanted_ = order.count;
    text_ = std::move(text);
    to_start_ = order.count - order.in_flight;
    for (std::size_t i = 0; i < wanted; ++i) ask(*slots_[i]);
  }

  void ask(Slot& slot) {
    if (slot.turns++ % kTurnsPerConversation == 0)
      slot.peer = fmt::format("person-{:08}@bench", ++people_);
    Message message{.id = MessageId(mint_ulid()), .dst = agent_, .from = Ilk{Uuid::random()}};
    message.sent_at = Clock::system().now();
    message.conversation = {.channel = "bench", .peer = slot.peer, .thread = ""};
    message.reply_address = {.from = "agent@bench", .to = slot.peer};
    message.parts.emplace_back(TextPart{text_});
    asked_[message.id.str()] = &slot;
    slot.started = Steady::now();
    if (auto sent = port_.send(std::move(message)); !sent)
      die("sending: " + sent.error().to_string());
  }

  Loop& loop_;
  Name agent_;
  fabric::Port port_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::map<std::string, Slot*> asked_;
  Signal done_;
  Round* round_ = nullptr;
  int round_wanted_ = 0;
  int to_start_ = 0;
  int people_ = 0;
  bool check_ = true;
  std::string text_;
  std::string last_reply_;
};

std::unique_ptr<kernel::Kernel> open_kernel(Loop& loop, const std::string& home) {
  auto file = kernel::load_config(home, std::nullopt);
  if (!file) die(file.error().to_string());
  kernel::KernelConfig config = kernel::KernelConfig::read(*file, home);
  for (const ConfigProblem& problem : file->problems()) die(problem.where + ": " + problem.message);
  auto kernel = loop.run(kernel::Kernel::open(loop, std::move(config), {.networks = false}));
  if (!kernel) die(kernel.error().to_string());
  return *std::move(kernel);
}

void serve(Loop& loop, kernel::Kernel& kernel, const char* text) {
  People people(loop, kernel);
  if (text != nullptr) {
    people.accept_any_reply();
    loop.run(people.run({.in_flight = 1, .count = 1}, text));
    print_line(people.last_reply());
    return;
  }
  print_line(fmt::format("ready {}", kTurnsPerConversation));
  while (const auto order = read_order()) loop.run(people.run(*order, "What time is it, please?"));
}

}  // namespace

}  // namespace skep::bench

// NOLINTNEXTLINE(bugprone-exception-escape): an exception out of a benchmark ends it, as it should
int main(int argc, char** argv) {
  using namespace skep;
  const bool one = argc == 4 && std::strcmp(argv[2], "--text") == 0;
  if (argc != 2 && !one) bench::die("usage: bench_turn HOME [--text TEXT]");
  log::configure({.level = log::Level::kWarn});
  Loop loop;
  const auto kernel = bench::open_kernel(loop, argv[1]);
  bench::serve(loop, *kernel, one ? argv[3] : nullptr);
  loop.run(kernel->close(Ctx{}.within(std::chrono::seconds(5))));
}
