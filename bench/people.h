// Those who talk to an agent in a benchmark: one slot for each message in flight. Each conversation
// takes kTurnsPerConversation turns, then the slot becomes a new person: the same history again and
// again, so that the floor can replay the requests byte for byte.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "measure.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/model/message.h"

namespace skep::bench {

inline constexpr int kTurnsPerConversation = 8;

class People : public Inbox {
 public:
  using Send = std::function<Result<void>(Message)>;
  explicit People(Loop& loop) : loop_(loop) {}
  void send_through(Send send) { send_ = std::move(send); }

  // Until `order.count` answers are here. With the target "stuck" somebody else waits meanwhile for
  // what `stuck` is told.
  Task<void> run(Order order, std::string text);
  // The answer. Sending waits for the next handler: a receiver never calls back into its sender.
  Result<void> deliver(Message message) override;

  void stuck_with(Send send) { stuck_ = std::move(send); }
  void accept_any_reply() { check_ = false; }
  [[nodiscard]] const std::string& last_reply() const { return last_reply_; }

 private:
  struct Slot {
    std::string peer;
    int turns = 0;
    Steady::time_point started;
  };
  void begin_round(const Order& order, std::string text, Round& round);
  void ask(Slot& slot);
  void ask_stuck();

  Loop& loop_;
  Send send_, stuck_;
  std::string stuck_id_;  // of the question that is not answered yet
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

Message message_from(const std::string& peer, std::string text);

}  // namespace skep::bench
