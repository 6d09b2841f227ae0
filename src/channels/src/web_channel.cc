#include "skep/channels/web_channel.h"

#include <deque>
#include <list>
#include <unordered_map>

#include "skep/async/wait.h"

namespace skep::channels {
namespace {

constexpr std::string_view kChannel = "cli";  // in conversations and in the directory
constexpr std::size_t kEventsMax =
    256;  // waiting for one slow watcher; then tool events give way, text never
constexpr std::size_t kRecentMax = 256;    // client ids remembered
constexpr std::size_t kTurnsMax = 10'000;  // messages under way

// Events for one watcher. Neighbouring pieces of text become one.
class EventQueue {
 public:
  void push(ChatEvent event) {
    using Type = ChatEvent::Type;
    if (event.type == Type::kReset)
      std::erase_if(events_, [](const ChatEvent& e) { return e.type == Type::kText; });
    if (event.type == Type::kText && !events_.empty() && events_.back().type == Type::kText) {
      events_.back().text += event.text;
    } else {
      if (events_.size() >= kEventsMax) shrink();
      events_.push_back(std::move(event));
    }
    changed_.notify_one();
  }
  void fail(Error error) {
    error_ = std::move(error);
    changed_.notify_one();
  }
  Task<Result<ChatEvent>> pop(Ctx ctx) {
    while (events_.empty()) {
      if (error_) co_return skep::fail(*error_);
      SKEP_CO_TRY_VOID(co_await changed_.wait(ctx));
    }
    ChatEvent event = std::move(events_.front());
    events_.pop_front();
    co_return event;
  }

 private:
  static bool may_go(const ChatEvent& event) {
    return event.type == ChatEvent::Type::kToolStart || event.type == ChatEvent::Type::kToolEnd;
  }
  // Without tool events in between, all text is one event.
  void shrink() {
    std::deque<ChatEvent> kept;
    for (ChatEvent& event : events_) {
      if (may_go(event)) continue;
      const bool joins = event.type == ChatEvent::Type::kText && !kept.empty() &&
                         kept.back().type == ChatEvent::Type::kText;
      if (joins)
        kept.back().text += event.text;
      else
        kept.push_back(std::move(event));
    }
    events_ = std::move(kept);
  }

  std::deque<ChatEvent> events_;
  std::optional<Error> error_;
  Signal changed_;
};

// One message and everybody who waits for its answer.
struct Turn {
  std::string id;          // the Message's
  std::string client_key;  // empty: none
  std::list<std::shared_ptr<EventQueue>> watchers;
  std::optional<ChatEvent> reply;
};
using TurnPtr = std::shared_ptr<Turn>;

std::optional<ChatEvent> to_event(const Message& message) {
  using Phase = Progress::Phase;
  using Type = ChatEvent::Type;
  if (!message.progress) return std::nullopt;
  const std::string& text = message.progress->text;
  const std::string& id = message.in_reply_to.str();
  switch (message.progress->phase) {
    case Phase::kStarted:
      return ChatEvent{Type::kStarted, text, id};
    case Phase::kText:
      return ChatEvent{Type::kText, text, id};
    case Phase::kToolStart:
      return ChatEvent{Type::kToolStart, text, id};
    case Phase::kToolEnd:
      return ChatEvent{Type::kToolEnd, text, id};
    case Phase::kReset:
      return ChatEvent{Type::kReset, text, id};
    case Phase::kAsks:
      return ChatEvent{Type::kAsk, text, id};
    case Phase::kPaused:
      return std::nullopt;  // the reply says what went wrong
  }
  return std::nullopt;
}

class WebChannelImpl final : public WebChannel {
 public:
  explicit WebChannelImpl(WebChannelDeps deps) : deps_(std::move(deps)) {}

  std::string kind() const override { return "web"; }
  void start() override {}

  Task<Result<void>> chat(Ctx ctx, ChatRequest request, ChatSink sink) override {
    if (closing_) co_return fail(Code::kUnavailable, "Skep is shutting down");
    if (turns_.size() >= kTurnsMax)
      co_return fail(Code::kExhausted, "too many messages are under way; try again later");
    ++chats_;
    Result<void> result = co_await run_chat(std::move(ctx), std::move(request), std::move(sink));
    --chats_;
    idle_.notify_all();
    co_return result;
  }

  Result<void> deliver(Message message) override {
    if (message.kind != Kind::kReply && message.kind != Kind::kProgress) return {};
    auto found = turns_.find(message.in_reply_to.str());
    if (found == turns_.end()) return {};  // nobody waits: the transcript has the reply
    const TurnPtr turn = found->second;
    if (message.kind == Kind::kProgress) {
      if (auto event = to_event(message)) tell(*turn, *event);
      return {};
    }
    turns_.erase(found);
    turn->reply = ChatEvent{ChatEvent::Type::kReply, text_of(message.parts), message.id.str()};
    tell(*turn, *turn->reply);
    return {};
  }

  // Running chats get their answers while the Ctx lasts; then they are told.
  Task<void> close(Ctx ctx) override {
    closing_ = true;
    while (chats_ > 0 && !turns_.empty()) {
      if (!co_await idle_.wait(ctx)) break;
    }
    for (auto& [id, turn] : turns_) {
      for (const auto& watcher : turn->watchers)
        watcher->fail(
            {Code::kUnavailable, "Skep is shutting down; the answer will stand in the transcript"});
    }
    while (chats_ > 0) {
      const Ctx unbounded;
      (void)co_await idle_.wait(unbounded);
    }
  }

  std::vector<std::string> status_lines(bool admin) const override {
    if (!admin || turns_.empty()) return {};
    return {fmt::format("Terminal: {} messages under way", turns_.size())};
  }
  json::object status() const override {
    return {{"kind", "web"}, {"under_way", turns_.size()}, {"watching", chats_}};
  }

 private:
  static void tell(Turn& turn, const ChatEvent& event) {
    for (const auto& watcher : turn.watchers) watcher->push(event);
  }

  Task<Result<void>> run_chat(Ctx ctx, ChatRequest request, ChatSink sink) {
    auto watcher = std::make_shared<EventQueue>();
    TurnPtr turn = recent(request);
    if (turn == nullptr) {
      turn = begin(request, watcher);
      const Result<void> sent = co_await send(ctx, std::move(request), turn);
      if (!sent) {
        abandon(*turn, sent.error());
        co_return sent;
      }
    } else if (turn->reply) {
      ChatEvent reply = *turn->reply;
      co_return co_await sink(std::move(reply));
    } else {
      turn->watchers.push_back(watcher);
    }
    const Result<void> watched = co_await watch(std::move(ctx), *watcher, std::move(sink));
    turn->watchers.remove(watcher);
    co_return watched;
  }

  static Task<Result<void>> watch(Ctx ctx, EventQueue& events, ChatSink sink) {
    while (true) {
      SKEP_CO_TRY(ChatEvent event, co_await events.pop(ctx));
      const bool last = event.type == ChatEvent::Type::kReply;
      SKEP_CO_TRY_VOID(co_await sink(std::move(event)));
      if (last) co_return Result<void>();
    }
  }

  static std::string key_of(const ChatRequest& request) {
    return request.client_id.empty() ? std::string()
                                     : request.agent + "\n" + request.peer + "\n" + request.thread +
                                           "\n" + request.client_id;
  }
  TurnPtr recent(const ChatRequest& request) const {
    const std::string key = key_of(request);
    auto found =
        std::ranges::find_if(recent_, [&](const TurnPtr& turn) { return turn->client_key == key; });
    return key.empty() || found == recent_.end() ? nullptr : *found;
  }

  // Known before anything is awaited, so that a second copy of the request finds the first.
  TurnPtr begin(const ChatRequest& request, const std::shared_ptr<EventQueue>& watcher) {
    auto turn = std::make_shared<Turn>(mint_ulid(), key_of(request));
    turn->watchers.push_back(watcher);
    turns_.emplace(turn->id, turn);
    if (turn->client_key.empty()) return turn;
    if (recent_.size() >= kRecentMax) recent_.pop_front();
    recent_.push_back(turn);
    return turn;
  }

  // The message was not taken: it may be sent again.
  void abandon(Turn& turn, const Error& error) {
    std::erase_if(recent_, [&](const TurnPtr& other) { return other.get() == &turn; });
    for (const auto& watcher : turn.watchers) watcher->fail(error);
    turns_.erase(turn.id);
  }

  Task<Result<void>> send(Ctx ctx, ChatRequest request, TurnPtr turn) {
    std::string channel(kChannel);
    Destination to = deps_.agent;
    if (!request.agent.empty() && !deps_.node_of)
      co_return fail(Code::kNotFound, "there is one agent here");
    if (!request.agent.empty()) {
      SKEP_CO_TRY(to, deps_.node_of(request.agent));
    }
    SKEP_CO_TRY(const Ilk ilk,
                co_await deps_.directory.resolve(ctx, std::move(channel), request.peer));
    Message message;
    message.id = MessageId(turn->id);
    message.trace = turn->id;
    message.dst = std::move(to);
    message.sent_at = deps_.clock.now();
    message.from = ilk;
    message.conversation = {
        .channel = std::string(kChannel), .peer = request.peer, .thread = request.thread};
    message.reply_address.to = request.peer;
    message.foreign_id = request.client_id;
    message.wants_progress = true;
    message.parts.emplace_back(TextPart{std::move(request.text)});
    co_return deps_.out.deliver(std::move(message));
  }

  WebChannelDeps deps_;
  bool closing_ = false;
  std::size_t chats_ = 0;
  Signal idle_;
  std::unordered_map<std::string, TurnPtr> turns_;  // unanswered, by message id
  std::deque<TurnPtr> recent_;                      // with a client id, oldest first
};

}  // namespace

std::unique_ptr<WebChannel> WebChannel::open(WebChannelDeps deps) {
  return std::make_unique<WebChannelImpl>(std::move(deps));
}

}  // namespace skep::channels
