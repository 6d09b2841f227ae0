// What the people who wrote see of a turn before its reply: read, composing, paused.
#pragma once

#include <functional>
#include <map>

#include "bounded_map.h"
#include "peers.h"
#include "reply.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"

namespace skep::channels {

// What of a person's message its answer needs and a Message does not carry.
struct Asked {
  std::string type = "chat";
  std::string parent_thread;
  std::string foreign_id;
  bool markable = false;
  std::string reference = {};  // what an answer names it by (XEP-0461 3.1)
  // Rooms: the message that is answered (XEP-0461), by its id in the room, and who said it.
  std::string reply_id;
  std::string reply_to;
  std::string mention;
  Conversation conversation = {};  // while the turn runs; not in its meta
  ReplyAddress address = {};
  std::string occupant;  // a private message there: its writer's Occupant::key()
};
// Kept in the message's meta as well, for an agent that carries it over a restart.
void put_asked(json::object& meta, const Asked& asked);
std::optional<Asked> asked_from(const json::object& meta);
// The key that the message is remembered by (Admission::seen_key), for a process that finds it
// unfinished.
void put_seen(json::object& meta, const std::string& key);
std::string_view seen_from(const json::object& meta);  // empty when absent

// Loop thread only.
class Turns {
 public:
  static constexpr std::size_t kAskedMax = 10'000;  // a forgotten one is answered as a plain chat
  static constexpr std::chrono::minutes kComposingMax{
      30};  // a turn that never ends stops composing

  struct Deps {
    Gate& gate;
    const Clock& clock;
    Peers& peers;
    std::function<void(const xmpp::Element&)> say;  // nothing happens while the link is down
    std::chrono::milliseconds refresh;
    bool with_from = true;
  };
  explicit Turns(Deps deps) : deps_(std::move(deps)) {}

  void asked(const Message& message, Asked asked);
  [[nodiscard]] bool knows(const MessageId& message) {
    return asked_.find(message.str()) != nullptr;
  }
  [[nodiscard]] const Asked* find(const std::string& message) { return asked_.find(message); }
  void forget(const MessageId& message) { asked_.erase(message.str()); }
  // A kProgress message.
  void progress(const Message& message);
  // It asks the person something and composes no more until it goes on. What was asked, as below.
  Asked waits(const Message& question);
  // The reply is here: the turn has ended. What was asked, for its type and threads.
  Asked answered(const Message& reply);
  // After `asked` something newer was said in that conversation, so the answer should name it.
  [[nodiscard]] bool is_overtaken(const Conversation& conversation, const Asked& asked);
  [[nodiscard]] std::size_t composing() const { return composing_.size(); }

 private:
  struct Composing {
    Correspondence with;
    WallTime since{};
    WallTime said{};
  };
  void start(const Message& message);
  void say_displayed(const MessageId& message, const Correspondence& with);
  void say_state(const Correspondence& with, std::string_view state);
  Result<Correspondence> correspondence(const Message& message);
  Task<void> refresh(Ctx ctx);
  void refresh_all();

  Deps deps_;
  static std::string key_of(const Conversation& conversation);
  BoundedMap<Asked> asked_{kAskedMax};
  BoundedMap<std::string> newest_{kAskedMax};   // conversation -> reference of its last message
  std::map<std::string, Composing> composing_;  // by the id of the message being answered
  bool refreshing_ = false;
};

}  // namespace skep::channels
