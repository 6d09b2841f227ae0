// [[rooms]]: the rooms (XEP-0045) that the agent is in, and how it behaves there.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "skep/base/config.h"
#include "skep/base/secret.h"
#include "skep/xmpp/jid.h"

namespace skep::channels {

struct RoomConfig {
  xmpp::Jid room;            // jid: bare
  std::string account = {};  // id of the [[accounts]] that is in it; empty: [server]
  std::string nick;          // empty: the agent's name
  Secret password;
  // What is answered; a mention and a reply to one of our messages always is, except with kReply,
  // where a mention is not.
  enum class Activation { kMention, kReply, kAll, kKeywords };
  Activation activation = Activation::kMention;
  std::vector<std::string> keywords;  // whole words, any case
  std::string persona;                // replaces personality.md
  std::string instructions;           // behind instructions.md
  std::size_t history_max = 20;       // messages the room sends when we come in; context only
  int history_token_budget = 0;       // of the prompt; 0: [llm] history_token_budget
  // Who is answered: people whose real address is allowed in [agent], and beside them
  // members (affiliation), everyone, or none.
  enum class Members { kMembers, kEveryone, kNone };
  Members members = Members::kMembers;
  // Who may use /new and /forget there: affiliations, roles, addresses; administrators always.
  std::vector<std::string> commanders{"owner", "admin"};
  int turns_per_minute = 6;  // answers begun; more is only noted
  bool autorejoin = true;    // after a kick

  static constexpr std::size_t kRoomsMax = 100;  // configured ones and those we were invited to
  // All [[rooms]]. A room without a jid, twice the same, or a list that is too long is a problem.
  static std::vector<RoomConfig> read(ConfigSection root);
};

// When a room is tried again. Not in the file; tests make it short.
struct RoomTimes {
  std::chrono::milliseconds rejoin_first{2'000};  // doubles, with jitter
  std::chrono::milliseconds rejoin_max{300'000};
  std::chrono::milliseconds rejoin_slow{900'000};  // where people must change something first
  std::chrono::milliseconds join_first{
      8'000};  // doubles: a join may be lost where a service begins
  std::chrono::milliseconds join_timeout{30'000};        // … to this
  std::chrono::milliseconds history_timeout{10'000};     // until the subject ends the history
  std::chrono::milliseconds self_ping{600'000};          // of a silent room, XEP-0410
  std::chrono::milliseconds reflection_timeout{30'000};  // then a self-ping asks whether we are in
  std::chrono::milliseconds bounce_pause{3'000};         // after "too fast"; longer each time
};

}  // namespace skep::channels
