#include "skep/authority/authority.h"

#include <fmt/format.h>

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::authority {
namespace {

using Outcome = Decision::Outcome;

constexpr std::size_t kDetailBytesMax = 120;  // of the entry's 200: the reason stands behind it

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAllow:
      return "allow";
    case Outcome::kAsk:
      return "ask";
    case Outcome::kDeny:
      return "deny";
  }
  return "deny";
}

// What is not to be reached by words from outside.
bool is_sink(const Question& question) {
  switch (question.action) {
    case Action::kShellExec:
    case Action::kAgentMessage:
    case Action::kXmppSend:
    case Action::kRemoteExecute:
    case Action::kSchedule:
      return true;
    case Action::kNetConnect:
      return question.sends;
    default:
      return false;
  }
}

bool leaves_us(const Question& question) {
  return is_sink(question) && question.action != Action::kShellExec &&
         question.action != Action::kSchedule;
}

std::string what_is_asked(const Question& question) {
  if (question.resource.empty()) return std::string(action_name(question.action));
  return fmt::format("{} of \"{}\"", action_name(question.action),
                     cut_utf8(question.resource, 100));
}

// Which labels make this act suspicious; none: it is not.
Labels tainting(const Question& question) {
  Labels found;
  if (is_sink(question)) {
    for (Label label : {Label::kExternalNetwork, Label::kUntrustedAgent}) {
      if (question.labels.has(label)) found |= label;
    }
  }
  if (leaves_us(question) && question.labels.has(Label::kSecret)) found |= Label::kSecret;
  return found;
}

class AuthorityImpl final : public Authority {
 public:
  AuthorityImpl(std::string tainted, Grants deny, Grants ask, AuditLog& audit,
                std::function<const Grants*(std::string_view)> grants)
      : tainted_(std::move(tainted)),
        deny_(std::move(deny)),
        ask_(std::move(ask)),
        audit_(audit),
        grants_(std::move(grants)) {}

  Result<void> set_rules(const AuthorityConfig& config) override;
  Decision authorize(const Question& question) override {
    Decision decision = decide(question);
    const std::string about = std::string(cut_utf8(question.detail, kDetailBytesMax));
    AuditEntry entry{
        .principal = question.principal.id,
        .agent = question.agent,
        .action = std::string(action_name(question.action)),
        .resource = question.resource,
        .outcome = std::string(outcome_name(decision.outcome)),
        .detail = fmt::format("{}{}{}", about, about.empty() ? "" : " - ", decision.reason),
        .trace = question.trace};
    const Result<void> written = audit_.append(std::move(entry));
    if (written) return decision;
    log::error("authority", "denied, because the audit log cannot be written: {}",
               written.error().to_string());
    return {Outcome::kDeny, "the audit log cannot be written, and nothing is done without it"};
  }

 private:
  [[nodiscard]] Decision decide(const Question& question) const {
    if (takes_resource(question.action) && question.resource.empty())
      return {Outcome::kDeny, fmt::format("{} of nothing", action_name(question.action))};
    if (auto barred = why_role_bars(question.principal.role, question.action))
      return {Outcome::kDeny, *std::move(barred)};
    if (question.direct) {
      if (!question.principal.role) return {Outcome::kDeny, "it is not known who asks for it"};
      return {Outcome::kAllow, fmt::format("role {}", role_name(*question.principal.role))};
    }
    if (const Capability* never = deny_.granting(question.action, question.resource)) {
      return {Outcome::kDeny, fmt::format("{} is never allowed here ([authority] deny \"{}\")",
                                          what_is_asked(question), to_text(*never))};
    }
    const Grants* grants = grants_(question.agent);
    const Capability* granted =
        grants == nullptr ? nullptr : grants->granting(question.action, question.resource);
    if (granted == nullptr) {
      return {Outcome::kDeny, fmt::format("{} has no capability for {}",
                                          question.agent.empty() ? "this agent" : question.agent,
                                          what_is_asked(question))};
    }
    const Labels taint = tainting(question);
    if (taint.bits != 0 && tainted_ != "allow") {
      return {tainted_ == "ask" ? Outcome::kAsk : Outcome::kDeny,
              fmt::format("{} after reading what may not be trusted ({})", what_is_asked(question),
                          describe(taint))};
    }
    if (const Capability* asked = ask_.granting(question.action, question.resource)) {
      return {Outcome::kAsk, fmt::format("{} needs a person's yes ([authority] ask \"{}\")",
                                         what_is_asked(question), to_text(*asked))};
    }
    return {Outcome::kAllow, "granted by " + to_text(*granted)};
  }

  std::string tainted_;
  Grants deny_, ask_;
  AuditLog& audit_;
  const std::function<const Grants*(std::string_view)> grants_;
};

Result<Grants> rules_of(const std::vector<std::string>& texts, std::string_view key) {
  Grants rules;
  for (const std::string& text : texts) {
    auto rule = parse_capability(text);
    if (!rule) return fail(std::move(rule).error().in(fmt::format("[authority] {}", key)));
    rules.add(*std::move(rule));
  }
  return rules;
}

}  // namespace

std::optional<std::string> why_role_bars(std::optional<Role> role, Action action) {
  if (!role || *role >= minimum_role(action)) return std::nullopt;
  if (*role == Role::kNone) return "[[users]] does not name who asks for it";
  return fmt::format("{} is for the role {} and above, and yours is {}", action_name(action),
                     role_name(minimum_role(action)), role_name(*role));
}

std::string describe(Labels labels) {
  std::vector<std::string> names;
  for (const auto& [label, name] :
       {std::pair{Label::kExternalNetwork, "external_network"},
        std::pair{Label::kUntrustedAgent, "untrusted_agent"},
        std::pair{Label::kUserInput, "user_input"}, std::pair{Label::kSecret, "secret"}}) {
    if (labels.has(label)) names.emplace_back(name);
  }
  return join(names, ", ");
}

AuthorityConfig AuthorityConfig::read(ConfigSection section) {
  AuthorityConfig config;
  section.read("ask", config.ask);
  section.read("deny", config.deny);
  section.read_choice("tainted", {"ask", "deny", "allow"}, config.tainted);
  for (const auto& [key, texts] :
       {std::pair{"ask", &config.ask}, std::pair{"deny", &config.deny}}) {
    for (const std::string& text : *texts) {
      if (const auto rule = parse_capability(text); !rule)
        section.problem(key, rule.error().message);
    }
  }
  return config;
}

Result<void> AuthorityImpl::set_rules(const AuthorityConfig& config) {
  SKEP_TRY(Grants deny, rules_of(config.deny, "deny"));
  SKEP_TRY(Grants ask, rules_of(config.ask, "ask"));
  tainted_ = config.tainted;
  deny_ = std::move(deny);
  ask_ = std::move(ask);
  return {};
}

Result<std::unique_ptr<Authority>> Authority::open(
    AuthorityConfig config, AuditLog& audit,
    std::function<const Grants*(std::string_view agent)> grants) {
  SKEP_TRY(Grants deny, rules_of(config.deny, "deny"));
  SKEP_TRY(Grants ask, rules_of(config.ask, "ask"));
  return std::make_unique<AuthorityImpl>(std::move(config.tainted), std::move(deny), std::move(ask),
                                         audit, std::move(grants));
}

}  // namespace skep::authority
