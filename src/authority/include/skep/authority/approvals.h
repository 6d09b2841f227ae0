// Asking a person before something is done, and remembering what they said.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/authority/authority.h"
#include "skep/model/message.h"
#include "skep/store/journal.h"

namespace skep::authority {

struct Approval {
  std::string id;  // short, for people to type: "k7f3"
  Question question;
  Conversation conversation;  // where it is asked, and from where it may be answered
  std::string
      turn;  // the message whose turn waits; with `call` the same question again after a restart
  std::string call;
  std::string summary;  // one sentence: "run the program `make test` in its workspace"
  WallTime asked{}, expires{};
};
enum class Verdict : std::uint8_t { kYes, kNo, kExpired };
struct Answer {
  Verdict verdict = Verdict::kExpired;
  std::string by;  // who said so
  bool operator==(const Answer&) const = default;
};

struct ApprovalsConfig {
  std::chrono::milliseconds expiry{300'000};  // [authority] approval_secs
  std::size_t pending_max = 5;                // in one conversation; more are denied
  std::size_t remembered_max = 1000;          // choices; the oldest are forgotten
  static ApprovalsConfig read(ConfigSection section);
};

// Loop thread only. Pending questions and remembered choices survive the process (the journal; kind
// "approval").
class Approvals {
 public:
  static Result<std::unique_ptr<Approvals>> open(ApprovalsConfig config, store::Journal& journal,
                                                 AuditLog& audit, const Clock& clock);
  virtual ~Approvals() = default;

  // Asks and waits: until somebody answers, it expires, or the Ctx ends (kCancelled or kTimeout;
  // the question is withdrawn). The id and the times are given here; after a restart the same turn
  // and call keep them, and an answer that was given meanwhile is there at once. So is a choice
  // that was remembered. kExhausted: too many pending; kUnavailable: stop() was called.
  virtual Task<Result<Answer>> ask(Ctx ctx, Approval approval) = 0;
  // The process ends: every ask() ends with kUnavailable, and its question waits for the next
  // process.
  virtual void stop() = 0;

  enum class Remember : std::uint8_t {
    kOnce,
    kAlways
  };  // always: this agent, action, resource, principal; a yes for no further labels, a no for no
      // fewer
  // kNotFound: no such question (any more); kDenied: `by` is neither who is asked nor an
  // administrator. An empty id means the conversation's only pending question (kConflict when there
  // are several).
  virtual Result<Approval> answer(std::string_view id, const Conversation& from,
                                  const Principal& by, Verdict verdict, Remember remember) = 0;
  [[nodiscard]] virtual std::vector<Approval> pending() const = 0;
  virtual Result<std::size_t> forget(
      const Principal& principal) = 0;  // remembered choices; how many there were

  // Called for each new question, so that a channel can show it; the listener outlives this or is
  // taken away by the returned function.
  virtual std::function<void()> on_asked(std::function<void(const Approval&)> listener) = 0;
};

}  // namespace skep::authority
