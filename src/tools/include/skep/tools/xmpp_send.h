// xmpp_send: words of the agent to somebody who did not ask. Off unless configured, and then behind
// a row of guards, each of which says no by itself.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/store/append_file.h"
#include "skep/store/journal.h"
#include "skep/tools/toolbox.h"

namespace skep::tools {

// [skills.xmpp_send], and [skills.xmpp_send.rate_limit] and .audit, or the same keys in it.
struct XmppSendConfig {
  bool enabled = false;
  std::vector<std::string> allowed_contacts;  // bare JIDs, "@example.org", rooms, "*"; normalised
  bool allow_roster_contacts = false;         // beside them: whom the agent has as contacts
  bool allow_subscribed_only = false;         // of all of them, who exchanges presence with it
  int per_minute = 5;
  int per_hour = 30;
  int per_contact_per_hour = 10;
  std::chrono::milliseconds cooldown{300'000};  // nothing is sent so long after a limit was reached
  bool confirm_first_contact = true;  // a person says yes before the first words to somebody
  // What they say to it within so long goes back to the conversation that asked for it; 0: it does
  // not. They are told so.
  std::chrono::milliseconds answers_for{std::chrono::hours(24)};
  bool draft = false;       // mode = "draft": every message waits for a person's yes
  bool attribution = true;  // the text says on whose behalf
  bool wait_until_online = false;
  bool audit = true;
  std::string audit_path;   // <home>/audit/xmpp_send.jsonl
  int retention_days = 90;  // of the audit file; older months are removed
  static constexpr std::size_t kBodyBytesMax = 4096;

  static XmppSendConfig read(ConfigSection section, const std::string& home);
};

struct XmppSendDeps {
  struct Contact {
    bool known = false;   // in the roster
    bool mutual = false;  // presence both ways
    bool room = false;    // a room the agent is in
  };
  std::function<Contact(const Conversation& from, const std::string& address)> contact;
  // What a person would type as that address, in its one form; an error when it is none.
  std::function<Result<std::string>(std::string_view address)> normal;
  struct Words {
    Conversation from;  // where it was asked for: the address that speaks
    std::string id;
    std::string to;
    std::string text;
    bool wait_until_online = false;
    std::chrono::milliseconds answers_for{0};  // what they answer goes back to `from`
  };
  // "sent", "queued", "waits"
  std::function<Result<std::string>(const Words&)> post;
  // "delivered", "bounced", "sent", …; asked for a moment after it was posted.
  std::function<std::string(const Conversation& from, const std::string& id)> fate;
  struct Wish {
    Conversation conversation;
    std::string turn, call;
    std::string to;
    std::string summary;   // with the whole text
    std::string resource;  // what a yes is for: the address, or one text to it
  };
  enum class Verdict { kYes, kNo, kExpired };
  // Asks who asked the agent; a choice that was remembered answers at once.
  std::function<Task<Result<Verdict>>(Ctx, Wish)> ask;
  // Whether that person has had words sent there before, with a yes; and that it was given now.
  std::function<bool(const Conversation&, const std::string& to)> knows = {};
  std::function<Result<void>(const Conversation&, const std::string& to)> met = {};
  // A line for the audit log that no one can change unseen.
  std::function<Result<void>(const Conversation&, std::string_view to, std::string_view outcome,
                             std::string_view detail)>
      audit = {};
  std::string agent_name;
  const Clock& clock;
};

// xmpp_send {to, body, type?, when_online?}: not repeatable. Its result is JSON: status "sent",
// "queued", "waits", "denied", "draft" or "expired", with a reason; "answer" says what becomes of
// what they answer.
std::unique_ptr<Tool> make_xmpp_send(XmppSendConfig config, XmppSendDeps deps);

}  // namespace skep::tools
