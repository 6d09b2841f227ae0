#include "desk.h"

#include "mirror.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::federation {

using xmpp::AgentDelegation;
using xmpp::AgentError;
using xmpp::AgentFault;
using xmpp::Element;
using xmpp::Jid;

namespace {

constexpr int kFullSecs = 15;  // what we ask of somebody who comes when all is full

AgentError error_of(const Error& error) {
  const bool large = error.code == Code::kTooLarge;
  return {large ? AgentFault::kPayloadTooLarge : AgentFault::kInvalidParams, error.message};
}

// A get asks, a set does; a message may carry both.
bool is_kind(const Element& stanza, std::string_view type) {
  return stanza.name == "message" || stanza.attribute("type") == type;
}

bool is_command(const Element& payload) {
  return payload.name == "command" && payload.ns == xmpp::kNsCommands;
}

}  // namespace

void Desk::add_features(xmpp::Features& features) {
  for (const std::string_view ns :
       {xmpp::kNsAgentSkills, xmpp::kNsAgentExecute, xmpp::kNsAgentDelegate})
    features.add_taker(std::string(ns), [this](const Element& iq) { return receive(iq); });
  for (const std::string_view ns : {xmpp::kNsAgent, xmpp::kNsAgentConfirm, xmpp::kNsAgentProgress})
    features.announce(std::string(ns));
}

void Desk::run(const Element& iq, xmpp::ExecuteRequest request) {
  (void)receive(iq, std::move(request));
}

bool Desk::receive(const Element& iq, Command command) {
  if (waiting_ >= kWaitingMax) {
    deps_.counts.add("refused_busy");
    deps_.post.say(xmpp::agent_error(
        iq, {AgentFault::kRateLimited, "Too much at once; ask again.", kFullSecs}));
    return true;
  }
  ++waiting_;
  if (deps_.gate.spawn("agent request", answer(iq, std::move(command)))) return true;
  --waiting_;
  return false;
}

Task<void> Desk::answer(Element iq, Command command) {
  Answer answer;
  if (command) {
    xmpp::ExecuteRequest request = *std::move(command);
    answer = co_await handle_command(deps_.gate.ctx(), iq, std::move(request));
  } else {
    answer = co_await handle(deps_.gate.ctx(), iq);
  }
  --waiting_;
  if (answer) deps_.post.say(*std::move(answer));
}

// Strangers' messages are not answered: an error for each would be a way to have us write to
// anybody.
Task<void> Desk::take(Ctx ctx, const Element& message) {
  const auto from = Jid::parse(message.attribute("from"));
  if (!from || deps_.peers.find(*from) == nullptr) {
    deps_.counts.add("refused_strangers");
    co_return;
  }
  Answer answer = co_await handle(std::move(ctx), message);
  if (answer) deps_.post.say(*std::move(answer));
}

Task<Desk::Answer> Desk::handle(Ctx ctx, const Element& stanza) {
  const Element* payload = xmpp::agent_payload(stanza);
  const auto from = Jid::parse(stanza.attribute("from"));
  if (payload == nullptr || !from || stanza.attribute("id").empty())
    co_return xmpp::stanza_error(stanza, "bad-request", "modify");
  Asked asked{stanza, *payload, *from, deps_.peers.find(*from)};
  if (asked.peer == nullptr || !asked.peer->allow_in)
    co_return refuse(asked, {AgentFault::kNotAuthorised, "You may not ask this agent."});
  co_return co_await dispatch(std::move(ctx), std::move(asked));
}

Task<Desk::Answer> Desk::handle_command(Ctx ctx, const Element& iq, xmpp::ExecuteRequest request) {
  const Element* command = iq.child("command", xmpp::kNsCommands);
  const auto from = Jid::parse(iq.attribute("from"));
  if (command == nullptr || !from) co_return xmpp::stanza_error(iq, "bad-request", "modify");
  Asked asked{iq, *command, *from, deps_.peers.find(*from)};
  if (asked.peer == nullptr || !asked.peer->allow_in)
    co_return refuse(asked, {AgentFault::kNotAuthorised, "You may not ask this agent."});
  deps_.counts.add("commands");
  std::size_t bytes = 0;
  for (const auto& [name, value] : request.params) bytes += value.size();
  Result<AgentDelegation> read = AgentDelegation{.depth = 0};
  read->work = std::move(request);
  if (bytes > deps_.config.payload_bytes_max)
    read = fail(Code::kTooLarge,
                fmt::format("more than {} bytes of input", deps_.config.payload_bytes_max));
  co_return co_await execute(std::move(ctx), std::move(asked), std::move(read), false);
}

Task<Desk::Answer> Desk::dispatch(Ctx ctx, Asked asked) {
  const std::string_view name = asked.payload.name;
  const std::string_view ns = asked.payload.ns;
  const std::size_t bytes_max = deps_.config.payload_bytes_max;
  if (ns == xmpp::kNsAgentSkills && name == "query" && is_kind(asked.stanza, "get"))
    co_return skills(asked);
  if (ns == xmpp::kNsAgentExecute && name == "execute" && is_kind(asked.stanza, "set")) {
    Result<AgentDelegation> read = AgentDelegation{.depth = 0};
    auto request = xmpp::read_execute(asked.payload, bytes_max);
    if (request) {
      read->work = *std::move(request);
    } else {
      read = fail(request.error());
    }
    co_return co_await execute(std::move(ctx), std::move(asked), std::move(read), false);
  }
  if (ns == xmpp::kNsAgentDelegate && name == "delegate" && is_kind(asked.stanza, "set")) {
    auto read = xmpp::read_delegation(asked.payload, bytes_max);
    co_return co_await execute(std::move(ctx), std::move(asked), std::move(read), true);
  }
  if (ns == xmpp::kNsAgentExecute && name == "status" && is_kind(asked.stanza, "get"))
    co_return co_await status(std::move(ctx), asked);
  if (ns == xmpp::kNsAgentExecute && name == "cancel" && is_kind(asked.stanza, "set"))
    co_return cancel(asked);
  co_return xmpp::stanza_error(asked.stanza, "feature-not-implemented", "cancel");
}

Desk::Answer Desk::skills(const Asked& asked) {
  const auto query = xmpp::read_skills_query(asked.payload);
  if (!query) return refuse(asked, error_of(query.error()));
  deps_.counts.add("skills_asked");
  Element answer = xmpp::iq_result(asked.stanza);
  if (asked.stanza.name == "message") answer.set("type", "normal");
  return std::move(answer.add(xmpp::to_element(deps_.skills.page(*asked.peer, *query))));
}

Task<Desk::Answer> Desk::execute(Ctx ctx, Asked asked, Result<AgentDelegation> read,
                                 bool delegated) {
  if (!read) co_return refuse(asked, error_of(read.error()));
  if (delegated) {
    if (auto why = misdelegated(asked, *read)) co_return refuse(asked, *std::move(why));
  }
  const std::string& skill = read->work.skill;
  if (!deps_.skills.known(skill))
    co_return refuse(asked, {AgentFault::kUnknownSkill, "There is no such skill."});
  if (!deps_.peers.may_run(*asked.peer, skill))
    co_return refuse(asked, {AgentFault::kNotAuthorised, "You may not run this skill."});
  auto wanted = prepare(asked, *read, delegated);
  if (!wanted) co_return refuse(asked, error_of(wanted.error()));
  bool fresh = true;
  if (!read->work.exec_id.empty()) {
    Answer answer = co_await known(std::move(ctx), asked, **wanted, fresh);
    if (!fresh) co_return answer;
  }
  if (auto why = forbidden(asked, **wanted)) co_return refuse(asked, *std::move(why));
  const auto accepted = deps_.executor.accept(*wanted);
  if (accepted) co_return std::nullopt;
  log::warn("federation", "an execution for {} is refused: {}", asked.from.str(),
            accepted.error().to_string());
  co_return refuse(asked, {AgentFault::kRateLimited, "Too much to do; ask again.", kFullSecs});
}

// The same exec-id again: the same answer, and nothing is run.
Task<Desk::Answer> Desk::known(Ctx ctx, const Asked& asked, const Execution& wanted, bool& fresh) {
  const std::string peer = wanted.peer();
  std::optional<Archive::Kept> kept;
  if (deps_.executor.find(peer, wanted.exec_id) == nullptr) {
    auto found = co_await deps_.archive.find(std::move(ctx), peer, wanted.exec_id);
    if (!found) {
      fresh = false;
      co_return xmpp::stanza_error(asked.stanza, "internal-server-error", "wait");
    }
    kept = *std::move(found);
  }
  const auto live = deps_.executor.find(peer, wanted.exec_id);
  if (!live && !kept) co_return std::nullopt;
  fresh = false;
  if ((live ? live->digest : kept->digest) != wanted.digest) {
    deps_.counts.add("exec_ids_reused");
    co_return refuse(asked,
                     {AgentFault::kInvalidParams, "This exec-id was used for another request."});
  }
  deps_.counts.add("replayed");
  if (!live) co_return told(asked, kept->result);
  deps_.executor.again(*live, asked.from);
  co_return told(asked, live->tellable());
}

Task<Desk::Answer> Desk::status(Ctx ctx, const Asked& asked) {
  const auto exec_id = xmpp::read_exec_control(asked.payload);
  if (!exec_id) co_return refuse(asked, error_of(exec_id.error()));
  const std::string peer = asked.from.bare().str();
  if (const auto live = deps_.executor.find(peer, *exec_id)) {
    co_return told(asked, live->tellable());
  }
  auto kept = co_await deps_.archive.find(std::move(ctx), peer, *exec_id);
  if (kept && *kept) co_return told(asked, (*kept)->result);
  co_return xmpp::stanza_error(asked.stanza, "item-not-found", "cancel");
}

Desk::Answer Desk::cancel(const Asked& asked) {
  const auto exec_id = xmpp::read_exec_control(asked.payload);
  if (!exec_id) return refuse(asked, error_of(exec_id.error()));
  const auto live = deps_.executor.find(asked.from.bare().str(), *exec_id);
  if (!live) return xmpp::stanza_error(asked.stanza, "item-not-found", "cancel");
  deps_.counts.add("cancels");
  if (auto kept = deps_.executor.cancel(*live); !kept) {
    log::error("federation", "{} is not called off: {}", live->id, kept.error().to_string());
    return xmpp::stanza_error(asked.stanza, "internal-server-error", "wait");
  }
  if (asked.stanza.name == "message") return std::nullopt;
  return xmpp::iq_result(asked.stanza);
}

std::optional<AgentError> Desk::misdelegated(const Asked& asked, const AgentDelegation& d) {
  const std::string& last = d.chain.back();
  if (last != asked.from.bare().str() && last != asked.from.domain()) {
    deps_.counts.add("chains_forged");
    return AgentError{AgentFault::kNotAuthorised, "The chain must end with who asks."};
  }
  for (const std::string& one : d.chain) {
    if (one == deps_.own.str() || one == deps_.own.domain())
      return AgentError{AgentFault::kDelegationLoop, "It has been in these hands before."};
  }
  const int depth = std::max(d.depth, static_cast<int>(d.chain.size()));
  if (depth > d.depth_max || depth > deps_.config.depth_max)
    return AgentError{AgentFault::kDelegationDepth, "It has been through too many hands."};
  return std::nullopt;
}

Result<std::shared_ptr<Execution>> Desk::prepare(const Asked& asked, const AgentDelegation& d,
                                                 bool delegated) {
  const xmpp::ExecuteRequest& work = d.work;
  auto e = std::make_shared<Execution>();
  e->id = mint_ulid();
  e->caller = asked.from;
  e->address = asked.stanza.attribute("to");
  e->stanza = is_command(asked.payload) ? kCommandStanza : asked.stanza.name;
  e->stanza_id = asked.stanza.attribute("id");
  e->exec_id = work.exec_id.empty() ? e->id : work.exec_id;
  e->skill = work.skill;
  SKEP_TRY(e->arguments, xmpp::arguments_of(work, deps_.skills.schema(work.skill)));
  SKEP_TRY_VOID(deps_.skills.check(work.skill, e->arguments));
  e->digest = digest_of(e->skill, e->arguments);
  e->reply = work.reply;
  e->accepted = deps_.clock.now();
  e->timeout = work.timeout_secs > 0 ? std::min(Millis(std::chrono::seconds(work.timeout_secs)),
                                                deps_.config.timeout_max)
                                     : deps_.config.timeout;
  const xmpp::ExecBudget ours{.tokens = deps_.config.tokens_max, .usd = deps_.config.usd_max};
  const xmpp::ExecBudget budget = narrower(ours, narrower(work.budget, d.budget));
  e->tokens_max = budget.tokens;
  e->usd_max = budget.usd;
  e->deadline = budget.deadline.value_or(WallTime());
  if (!delegated) return e;
  e->depth = std::max(d.depth, static_cast<int>(d.chain.size()));
  e->depth_max = std::min(d.depth_max, deps_.config.depth_max);
  e->chain = d.chain;
  e->origin = d.origin;
  return e;
}

// How often, and whether the agent itself may do it on words of strangers.
std::optional<AgentError> Desk::forbidden(const Asked& asked, Execution& e) {
  if (const auto secs =
          deps_.peers.in.take(asked.peer->who, asked.peer->max_per_hour, deps_.clock.now()))
    return AgentError{AgentFault::kRateLimited, "Too many requests this hour.", *secs};
  if (e.skill == xmpp::kAskSkill) return std::nullopt;  // its turn asks for each thing it does
  authority::Question question{.principal = {.id = e.peer()},
                               .agent = deps_.agent,
                               .resource = e.skill,
                               .trace = e.id,
                               .detail = fmt::format("{} for {}", e.skill, e.peer())};
  question.labels |= authority::Label::kUntrustedAgent;
  std::vector<authority::Question> all{question};
  for (tools::Need& need : deps_.skills.needs(e.skill, e.arguments)) {
    question.action = need.action;
    question.resource = std::move(need.resource);
    question.sends = !need.carries.empty();
    all.push_back(question);
  }
  for (const authority::Question& one : all) {
    const authority::Decision decision = deps_.authority.authorize(one);
    if (decision.outcome == authority::Decision::Outcome::kDeny)
      return AgentError{AgentFault::kNotAuthorised, "This agent may not do that."};
    if (decision.outcome == authority::Decision::Outcome::kAsk) e.must_ask = true;
  }
  return std::nullopt;
}

Desk::Answer Desk::refuse(const Asked& asked, AgentError error) {
  deps_.counts.add(fmt::format("refused_{}", xmpp::agent_fault_name(error.fault)));
  log::info("federation", "{} is refused: {} ({})", asked.from.str(), error.text,
            xmpp::agent_fault_name(error.fault));
  return xmpp::agent_error(asked.stanza, error);
}

Element Desk::told(const Asked& asked, const xmpp::ExecResult& result) {
  if (is_command(asked.payload)) return command_result(asked.stanza, result);
  if (asked.stanza.name == "iq" && result.error)
    return xmpp::agent_error(asked.stanza, *result.error);
  Element answer = xmpp::iq_result(asked.stanza);
  if (asked.stanza.name == "message") answer.set("type", "normal");
  return std::move(answer.add(xmpp::to_element(result)));
}

}  // namespace skep::federation
