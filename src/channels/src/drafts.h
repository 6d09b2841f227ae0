// Answers that can be read while they are written: a message, and corrections of it (XEP-0308).
#pragma once

#include <functional>
#include <map>

#include "reply.h"
#include "skep/async/gate.h"
#include "skep/store/journal.h"
#include "turns.h"

namespace skep::channels {

// Only where the configuration and the reader's client want it. What is shown so far may be lost
// with the link; the whole answer takes the outbox's way and replaces it. Loop thread only.
class Drafts {
 public:
  static constexpr std::size_t kDraftsMax = 256;      // at once; further answers come whole
  static constexpr std::string_view kSet = "drafts";  // questions whose answer was shown in part

  struct Deps {
    Gate& gate;
    store::Journal& journal;
    std::function<void(const xmpp::Element&)> say;
    std::function<bool(const std::string& full_jid)> takes_corrections;
    bool enabled = false;
    bool with_from = true;
    bool styling = true;
    std::size_t bytes_max = 8192;           // what is longer is not shown before it is whole
    std::chrono::milliseconds pause{1500};  // between two of one answer
  };
  explicit Drafts(Deps deps) : deps_(std::move(deps)) {}

  // A kProgress message; `asked`: what it is the answer to, nullptr when not known.
  void progress(const Message& message, const Asked* asked);
  // The answer is here. The id of the message that its first part replaces; empty: nothing was
  // shown, by this process or the one before it.
  std::string ended(const MessageId& question);
  // A message of ours with this id is one of those.
  [[nodiscard]] bool is_draft(const std::string& stanza_id) const;

 private:
  struct Draft {
    Correspondence with;
    std::string parent_thread;
    std::string text;
    std::string shown;  // the newest that was sent
    int count = 0;
  };
  bool begin(const Message& message, const Asked& asked);
  Task<void> run(Ctx ctx, std::string question);
  void show(const std::string& question, Draft& draft);

  Deps deps_;
  std::map<std::string, Draft> drafts_;  // by the id of the message that is answered
};

}  // namespace skep::channels
