// Other domains' agents: which we know, how they are reached, and what they offer us.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "peers.h"
#include "post.h"
#include "skep/xmpp/agent_protocol.h"

namespace skep::federation {

// Somebody who can be asked.
struct Target {
  xmpp::Jid jid;
  const PeerConfig* peer = nullptr;
  const RemoteAgent* agent = nullptr;
};

class Catalogues {
 public:
  static constexpr std::chrono::seconds kPatience{20};  // for one agent's answer
  static constexpr std::size_t kPagesMax = 10;

  Catalogues(const Peers& peers, Post& post) : peers_(peers), post_(post) {}

  // By a configured name or a JID. kNotFound, kDenied: nobody whom we may ask anything.
  [[nodiscard]] Result<Target> target(std::string_view agent) const;
  // What each of them, or only the one of that name, offers us: text for a model.
  Task<std::string> describe(Ctx ctx, std::string only);
  // A bare address that its server answers for: an account, which is reached by messages.
  Task<bool> is_account(Ctx ctx, xmpp::Jid jid) const;
  // An answer to a question of ours that went as a message; false: it is none.
  bool take(const xmpp::Element& message);

 private:
  struct Question {
    xmpp::Jid to;
    std::optional<Result<xmpp::SkillsPage>> answer;
    Signal changed;
  };
  [[nodiscard]] std::vector<Target> everybody() const;
  Task<std::string> describe_one(Ctx ctx, Target target);
  Task<Result<std::vector<xmpp::AgentSkill>>> skills_of(Ctx ctx, xmpp::Jid jid);
  Task<Result<xmpp::SkillsPage>> ask(Ctx ctx, xmpp::Jid jid, xmpp::SkillsQuery query);
  Task<Result<xmpp::SkillsPage>> ask_by_message(Ctx ctx, xmpp::Jid jid, xmpp::SkillsQuery query);

  const Peers& peers_;
  Post& post_;
  std::map<std::string, std::shared_ptr<Question>> questions_;  // by the message's id
};

}  // namespace skep::federation
