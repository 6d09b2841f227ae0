// People on this machine: the terminal and (later) the web console, over the HTTP API.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "skep/channels/channel.h"
#include "skep/identity/directory.h"

namespace skep::channels {

struct WebChannelDeps {
  Loop& loop;
  identity::Directory& directory;
  Inbox& out;
  Destination agent;  // of requests that name none
  // The node of an agent that a request names; kNotFound with the nearest name.
  std::function<Result<Name>(std::string_view)> node_of = {};
  const Clock& clock;
};

// One event of an answer on its way to a watcher.
struct ChatEvent {
  enum class Type { kStarted, kText, kReset, kToolStart, kToolEnd, kAsk, kReply };
  Type type = Type::kText;
  std::string text;  // kReply: the whole answer; kAsk: a question that waits for /confirm or /deny
  std::string message_id;
};
using ChatSink = std::function<Task<Result<void>>(ChatEvent)>;

class WebChannel : public Channel {
 public:
  static std::unique_ptr<WebChannel> open(WebChannelDeps deps);

  struct ChatRequest {
    std::string peer;    // "ann@cli"
    std::string thread;  // empty: the default session
    std::string text;
    std::string client_id = {};  // the client's own id for this message: sent twice, it is answered
                                 // once; empty: none
    std::string agent = {};      // another agent's name; empty: the usual one
  };
  // Sends the text to the agent and gives every event to `sink` until the reply has been given. The
  // turn goes on when the Ctx ends or the sink fails: its reply then stands in the transcript.
  // kExhausted when the agent is full.
  virtual Task<Result<void>> chat(Ctx ctx, ChatRequest request, ChatSink sink) = 0;
};

}  // namespace skep::channels
