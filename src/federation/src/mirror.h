// Skills as ad-hoc commands (XEP-0050), so that people run them from an ordinary client: a form
// from the skill's schema, then its result. For peers, like everything here; the rules are the
// desk's.
#pragma once

#include "desk.h"
#include "skep/xmpp/dataform.h"

namespace skep::federation {

// Loop thread only. Keeps nothing between the form and its answer: the node says which skill.
class Mirror {
 public:
  static constexpr std::string_view kNodePrefix = "urn:fluux:agent:0#skill/";

  Mirror(const Peers& peers, const Skills& skills, Desk& desk)
      : peers_(peers), skills_(skills), desk_(desk) {}
  void add_features(xmpp::Features& features);

 private:
  // False: it is another's command.
  bool take(const xmpp::Element& iq);
  void run(const xmpp::Element& iq, const xmpp::CommandRequest& request,
           const xmpp::AgentSkill& skill);
  [[nodiscard]] std::optional<std::vector<xmpp::Element>> items(const xmpp::Element& iq,
                                                                const std::string& node) const;
  [[nodiscard]] std::optional<xmpp::Element> info(const xmpp::Element& iq,
                                                  const std::string& node) const;
  // What the asker may run there; nullopt: it is no skill, or not for them.
  [[nodiscard]] std::optional<xmpp::AgentSkill> skill_of(const xmpp::Element& iq,
                                                         std::string_view node) const;
  [[nodiscard]] std::vector<xmpp::AgentSkill> skills_for(const xmpp::Element& iq) const;

  const Peers& peers_;
  const Skills& skills_;
  Desk& desk_;
};

// The form that `schema` (a JSON Schema of an object) asks for; no fields: it needs none.
xmpp::DataForm form_of(const xmpp::AgentSkill& skill);
// What the form said, as an execute would say it: fields left blank are left out. kInvalid when it
// is none, or a field has no name or one over AgentLimits::kIdBytesMax; how much it says is the
// desk's business.
Result<xmpp::ExecuteRequest> request_of(const xmpp::AgentSkill& skill, const xmpp::Element& form);
// The answer to a command for what came of it, or for what is going on.
xmpp::Element command_result(const xmpp::Element& iq, const xmpp::ExecResult& result);

}  // namespace skep::federation
