// One skill that somebody else asked us to run: what was accepted, and how far it has come. Its
// form in the journal, kind "agent-execution", entry id = entry_id()
// (the agent's entry of an "ask" has the id itself):
//   begin                        what was asked, by whom, until when
//   {"s":"told"}                 the asker knows that it was accepted; the result comes as a
//   message
//   {"s":"caller","jid"}         it asked again from there
//   {"s":"confirmed","by"}       a person agreed
//   {"s":"started"}              a tool that must not run twice is about to
//   {"s":"cancelled"}            the asker called it off
//   {"s":"result","xml"}         decided; from here on it is only told
//   {"s":"packed","xml"}         the same with what was too large for a stanza put elsewhere, or
//   cut
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "skep/async/wait.h"
#include "skep/base/json.h"
#include "skep/store/journal.h"
#include "skep/xmpp/agent_protocol.h"

namespace skep::federation {

inline constexpr std::string_view kExecutionKind = "agent-execution";
inline constexpr std::string_view kCommandStanza = "command";  // asked by a form (XEP-0050)

struct Execution {
  std::string id;       // a ULID; also the id of the message that an "ask" becomes
  xmpp::Jid caller;     // as it wrote
  std::string address;  // of ours, that it wrote to, letter by letter
  std::string stanza;   // how it was asked: "iq", "message" or kCommandStanza
  std::string stanza_id;
  std::string exec_id;  // the caller's, or one of ours
  std::string digest;   // of skill and arguments: the same exec-id must mean the same
  std::string skill;
  json::object arguments;
  xmpp::ReplyMode reply = xmpp::ReplyMode::kAuto;
  WallTime accepted{};
  Millis timeout{};     // of running it, not of waiting for a person
  WallTime deadline{};  // after it the caller does not wait any more; the epoch: not said
  // Delegated: depth > 0.
  int depth = 0, depth_max = 0;
  std::vector<std::string> chain;
  std::string origin;
  std::int64_t tokens_max = 0;
  PicoUsd usd_max = 0;

  bool must_ask = false;  // the authority wants a person's yes, whatever the peer's rules are

  bool told = false;
  std::string confirmed_by;
  bool started = false;
  std::optional<xmpp::ExecResult> result;
  bool packed = false;  // the result fits into a stanza

  // Of this process only.
  bool waits_for_person = false;
  std::stop_source cancel;
  Signal changed;
  std::int64_t progress_seq = 0;

  [[nodiscard]] std::string peer() const { return caller.bare().str(); }
  [[nodiscard]] xmpp::ExecStatus status() const;
  // What may be told now: the result once it is packed.
  [[nodiscard]] xmpp::ExecResult tellable() const;
};

store::EntryId entry_id(const Execution& execution);
std::string begin_record(const Execution& execution);
std::string told_record();
std::string caller_record(const xmpp::Jid& caller);
std::string confirmed_record(std::string_view by);
std::string started_record();
std::string cancelled_record();
std::string result_record(const xmpp::ExecResult& result);
std::string packed_record(const xmpp::ExecResult& result);
// kCorrupt when the records make no sense.
Result<std::shared_ptr<Execution>> rebuild(const store::JournalEntry& entry);

// Of skill and arguments, in hexadecimal.
std::string digest_of(std::string_view skill, const json::object& arguments);

}  // namespace skep::federation
