// What of ours others may run: tools of the toolbox, and "ask", a turn of the agent itself.
#pragma once

#include "peers.h"
#include "skep/tools/toolbox.h"
#include "skep/xmpp/agent_protocol.h"

namespace skep::federation {

class Skills {
 public:
  Skills(const Peers& peers, const tools::Toolbox& toolbox, std::string agent_name)
      : peers_(peers), toolbox_(toolbox), agent_name_(std::move(agent_name)) {}

  // The part of the catalogue that `peer` may run.
  [[nodiscard]] xmpp::SkillsPage page(const PeerConfig& peer, const xmpp::SkillsQuery& query) const;
  // All that is exposed, whoever asks: for the catalogue that our server keeps.
  [[nodiscard]] xmpp::SkillsPage everything() const;
  // There is such a skill and it is exposed.
  [[nodiscard]] bool known(std::string_view skill) const;
  // Running it may change something in the world.
  [[nodiscard]] bool has_effects(std::string_view skill) const;
  [[nodiscard]] json::value schema(std::string_view skill) const;
  // What running it with these does, beside running it.
  [[nodiscard]] std::vector<tools::Need> needs(std::string_view skill,
                                               const json::object& arguments) const;
  // kInvalid with what is wrong about them.
  [[nodiscard]] Result<void> check(std::string_view skill, const json::object& arguments) const;

 private:
  [[nodiscard]] xmpp::AgentSkill describe(const llm::ToolSpec& spec) const;
  [[nodiscard]] llm::ToolSpec ask_spec() const;
  template <class May>
  [[nodiscard]] std::vector<xmpp::AgentSkill> those(May may) const;
  const Peers& peers_;
  const tools::Toolbox& toolbox_;
  const std::string agent_name_;
};

}  // namespace skep::federation
