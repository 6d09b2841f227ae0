#include "delegations.h"

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::federation {

using namespace std::chrono_literals;
using tools::ToolContext;
using xmpp::AgentFault;
using xmpp::Element;
using xmpp::ExecResult;
using xmpp::ExecStatus;
using xmpp::Jid;

namespace {

constexpr Millis kAnswerWithin{30'000};  // of an iq
constexpr Millis kAgainFirst{500};       // it could not be reached
constexpr Millis kAgainMax{15'000};
constexpr Millis kAskAgain{30'000};  // what became of it: the same exec-id, the same answer
constexpr Millis kSlack{15'000};     // over the time that it was given
constexpr std::size_t kNoteBytesMax = 200;

// The same call of the same turn is the same execution, whichever process makes it.
std::string exec_id_of(const Jid& own, const ToolContext& context) {
  return "s" +
         hex_encode(sha256(fmt::format("{}\n{}\n{}", own.str(), context.turn, context.call_id)))
             .substr(0, 32);
}

bool answers_for(const Jid& asked, const Jid& from) {
  return from.bare() == asked.bare() && (asked.is_bare() || asked == from);
}

}  // namespace

std::string resource_of(const Jid& jid, std::string_view skill) {
  return fmt::format("{}#{}", jid.bare().str(), skill);
}

memory::Payer Delegations::payer(const ToolContext& context) const {
  return {.agent = deps_.agent_name,
          .person = context.conversation.peer,
          .exempt = deps_.ledger.quota().admins_exempt && deps_.is_admin &&
                    deps_.is_admin(context.conversation)};
}

Task<Result<ExecResult>> Delegations::run(ToolContext context, Order order) {
  SKEP_CO_TRY(const Ptr pending, prepare(context, order));
  SKEP_CO_TRY_VOID(counted(*pending));
  SKEP_CO_TRY(memory::Ledger::Hold hold,
              deps_.ledger.reserve(payer(context), pending->budget.tokens, pending->budget.usd));
  deps_.counts.add("delegated");
  pending_[pending->exec_id] = pending;
  co_await pursue(context.ctx, pending);
  pending_.erase(pending->exec_id);
  bill(context, *pending, std::move(hold));
  audit(context, *pending);
  if (pending->outcome) {
    finished_.push_back(pending->exec_id);
    if (finished_.size() > kFinishedMax) finished_.pop_front();
    co_return co_await taken(std::move(context), pending);
  }
  if (stopping_) co_return fail(Code::kCancelled, "the process ends");
  call_off(*pending);
  if (context.ctx.stop.stop_requested()) co_return fail(Code::kCancelled, "it was called off");
  deps_.counts.add("never_answered");
  co_return fail(Code::kTimeout,
                 fmt::format("{} gave no answer in time; it was told to stop. Whether it has done "
                             "something is not known.",
                             pending->target.jid.str()));
}

// A result with all that belongs to it.
Task<Result<ExecResult>> Delegations::taken(ToolContext context, Ptr p) {
  if (!*p->outcome) co_return fail(p->outcome->error());
  ExecResult result = **p->outcome;
  if (result.usage) result.usage = believable(*p, *result.usage);
  co_return co_await deps_.outputs.unpack(context.ctx, std::move(result));
}

Result<Delegations::Ptr> Delegations::prepare(const ToolContext& context, const Order& order) {
  auto pending = std::make_shared<Pending>();
  SKEP_TRY(pending->target, deps_.catalogues.target(order.agent));
  const Target& target = pending->target;
  if (!deps_.peers.may_ask(*target.peer, target.agent, order.skill)) {
    return fail(Code::kDenied, fmt::format("the configuration does not let us ask {} for {}",
                                           target.jid.str(), order.skill));
  }
  if (pending_.size() >= kPendingMax)
    return fail(Code::kExhausted, "too many tasks are under way already");
  pending->timeout = target.agent != nullptr && target.agent->timeout.count() > 0
                         ? std::min(target.agent->timeout, deps_.config.timeout_max)
                         : deps_.config.timeout;
  pending->exec_id = exec_id_of(deps_.own, context);
  pending->skill = order.skill;
  pending->turn = context.turn;
  pending->since = deps_.clock.now();
  if (pending_.contains(pending->exec_id))
    return fail(Code::kConflict, "the same task is under way already");
  SKEP_TRY(const xmpp::AgentDelegation delegation, wrapped(context, *pending, order));
  pending->budget = delegation.budget;
  pending->payload = xmpp::to_element(delegation);
  return pending;
}

// Less than what is left here, and never longer than whoever began it waits.
xmpp::ExecBudget Delegations::budget_for(const ToolContext& context, const Execution* cause,
                                         const Pending& pending) const {
  const xmpp::ExecBudget ours{.tokens = deps_.config.tokens_max,
                              .usd = deps_.config.usd_max,
                              .deadline = deps_.clock.now() + pending.timeout + kPersonMax};
  const xmpp::ExecBudget left{.tokens = context.tokens_left, .usd = context.cost_left};
  xmpp::ExecBudget theirs;
  if (cause != nullptr) {
    theirs = {.tokens = cause->tokens_max, .usd = cause->usd_max};
    if (cause->deadline.time_since_epoch().count() > 0) theirs.deadline = cause->deadline;
  }
  return narrower(ours, narrower(left, theirs));
}

// Through whose hands it came, when it is itself part of what somebody else asked of us.
Result<xmpp::AgentDelegation> Delegations::wrapped(const ToolContext& context,
                                                   const Pending& pending,
                                                   const Order& order) const {
  xmpp::AgentDelegation out{.depth_max = deps_.config.depth_max};
  // The trace goes along from agent to agent.
  const auto cause = deps_.executor.by_id(context.ctx.trace);
  if (cause) {
    out.chain = cause->chain.empty() ? std::vector<std::string>{cause->peer()} : cause->chain;
    if (cause->depth_max > 0) out.depth_max = std::min(out.depth_max, cause->depth_max);
    out.origin = cause->origin;
  }
  const Jid& to = pending.target.jid;
  for (const std::string& one : out.chain) {
    if (one == to.bare().str() || one == to.domain()) {
      deps_.counts.add("loops_avoided");
      return fail(Code::kDenied, fmt::format("{} is one of those who asked us: that would be a "
                                             "loop",
                                             to.str()));
    }
  }
  out.chain.push_back(deps_.own.str());
  out.depth = static_cast<int>(out.chain.size());
  if (out.depth > out.depth_max)
    return fail(Code::kDenied, "it has been through too many hands already");
  out.budget = budget_for(context, cause.get(), pending);
  out.work = {.skill = order.skill,
              .exec_id = pending.exec_id,
              .timeout_secs = static_cast<int>(
                  std::chrono::ceil<std::chrono::seconds>(pending.timeout).count())};
  if (order.skill == xmpp::kAskSkill) {
    out.work.params = {
        {std::string(xmpp::kAskParam), std::string(get_string(order.arguments, xmpp::kAskParam))}};
  } else {
    out.work.input = to_json(order.arguments);
  }
  return out;
}

// Whether this agent may ask at all was decided before the tool ran: see its needs().
Result<void> Delegations::counted(const Pending& pending) {
  const PeerConfig& peer = *pending.target.peer;
  const auto secs = deps_.peers.out.take(peer.who, peer.max_per_hour, deps_.clock.now());
  if (!secs) return {};
  return fail(Code::kExhausted, fmt::format("{} was asked too often; again in {} s",
                                            pending.target.jid.str(), *secs));
}

Task<void> Delegations::pursue(Ctx ctx, Ptr p) {
  ctx = ctx.within(p->timeout + kPersonMax);
  Millis again = kAgainFirst;
  while (!p->outcome && ctx.check()) {
    const bool person = p->status == ExecStatus::kNeedsConfirmation;
    const Millis left = Millis(p->since + p->timeout + kSlack - deps_.clock.now());
    if (!person && left.count() <= 0) co_return;
    const bool taken = co_await submit(ctx, p);
    if (p->outcome) co_return;
    const Millis pause = taken ? kAskAgain : again;
    if (!taken) again = std::min(again * 2, kAgainMax);
    (void)co_await p->changed.wait(ctx.within(person ? pause : std::clamp(left, Millis(1), pause)));
  }
}

// True: the other side has it.
Task<bool> Delegations::submit(Ctx ctx, Ptr p) {
  if (p->by_message) co_return co_await submit_message(std::move(ctx), std::move(p));
  Element iq = xmpp::make_iq(Jid(), p->target.jid, "set", "");
  iq.add(p->payload);
  const Ctx bounded = ctx.within(kAnswerWithin);
  const auto answer = co_await deps_.post.request(bounded, std::move(iq));
  if (p->outcome) co_return true;
  if (answer) {
    answered(*p, *answer);
    co_return true;
  }
  if (answer.error().code == Code::kUnsupported) {
    p->by_message = co_await deps_.catalogues.is_account(bounded, p->target.jid);
    if (p->by_message) co_return co_await submit_message(std::move(ctx), std::move(p));
    co_return false;
  }
  refused(*p, answer.error());
  co_return false;
}

Task<bool> Delegations::submit_message(Ctx ctx, Ptr p) {
  p->message_id = mint_ulid();
  Element message = xmpp::make_message(Jid(), p->target.jid, "normal", p->message_id);
  message.add(p->payload);
  message.add(Element("store", std::string(xmpp::kNsHints)));
  const auto sent = co_await deps_.post.deliver(std::move(ctx), std::move(message));
  co_return sent.has_value();
}

// What may pass is tried again; the rest is the answer.
void Delegations::refused(Pending& p, const Error& why) {
  if (const auto fault = xmpp::agent_fault_of(why)) {
    ExecResult result{.skill = p.skill, .exec_id = p.exec_id, .status = ExecStatus::kFailed};
    result.error = xmpp::AgentError{*fault, why.message};
    return settle(p, std::move(result));
  }
  if (!may_pass(why.code)) settle(p, fail(why));
}

void Delegations::answered(Pending& p, const Element& answer) {
  const Element* payload = xmpp::agent_payload(answer);
  if (payload == nullptr) return settle(p, fail(Code::kCorrupt, "an answer without a result"));
  const std::string_view about = payload->attribute("exec-id");
  if (!about.empty() && about != p.exec_id) {
    deps_.counts.add("results_mismatched");
    return settle(p, fail(Code::kCorrupt, "an answer about another execution"));
  }
  take_result(p, *payload);
}

// Nothing of what another agent says about itself is certain, and quotas go by it.
xmpp::ExecUsage Delegations::believable(const Pending& p, xmpp::ExecUsage used) const {
  const auto bounded = [](std::int64_t value, std::int64_t given) {
    return given > 0 && value > given * kOverrunMax ? given * kOverrunMax : value;
  };
  used.input = bounded(used.input, p.budget.tokens);
  used.output = bounded(used.output, p.budget.tokens);
  if (used.usd) used.usd = bounded(*used.usd, p.budget.usd);
  return used;
}

void Delegations::take_result(Pending& p, const Element& payload) {
  auto result = xmpp::read_exec_result(payload);
  if (!result) {
    deps_.counts.add("results_unreadable");
    return settle(p, fail(result.error()));
  }
  if (xmpp::is_final(result->status)) return settle(p, *std::move(result));
  p.status = result->status;
}

void Delegations::settle(Pending& p, Result<ExecResult> outcome) {
  if (p.outcome) return;
  deps_.counts.add(outcome ? fmt::format("delegated_{}", xmpp::exec_status_name(outcome->status))
                           : std::string("delegated_failed"));
  p.outcome = std::move(outcome);
  p.changed.notify_all();
}

void Delegations::take(const Element& message, const Element* payload) {
  if (message.attribute("type") == "error") return take_error(message);
  const auto from = Jid::parse(message.attribute("from"));
  if (payload == nullptr || !from) return;
  const std::string exec_id(payload->attribute("exec-id"));
  const auto at = pending_.find(exec_id);
  if (at == pending_.end()) {
    const bool twice = std::ranges::find(finished_, exec_id) != finished_.end();
    return deps_.counts.add(twice ? "results_twice" : "results_unasked");
  }
  Pending& p = *at->second;
  if (!answers_for(p.target.jid, *from)) {
    log::warn("federation", "{} pretends to answer for {}", from->str(), p.target.jid.str());
    return deps_.counts.add("results_forged");
  }
  if (payload->name == "result" && p.outcome) return deps_.counts.add("results_twice");
  if (payload->name == "result") return take_result(p, *payload);
  if (const auto note = xmpp::read_exec_progress(*payload); note && note->seq > p.seq) {
    p.seq = note->seq;
    p.note = cut_utf8(note->text, kNoteBytesMax);
    deps_.counts.add("progress_heard");
    log::info("federation", "{} on {}: {}", p.target.jid.str(), p.skill, p.note);
  }
}

// A message of ours that came back. Whoever is away may be there later.
void Delegations::take_error(const Element& message) {
  const std::string_view id = message.attribute("id");
  const auto from = Jid::parse(message.attribute("from"));
  for (const auto& [exec_id, p] : pending_) {
    if (p->message_id != id || !from || !answers_for(p->target.jid.bare(), *from)) continue;
    deps_.counts.add("bounced");
    const auto why = xmpp::read_agent_error(message);
    if (!why) return;
    ExecResult result{.skill = p->skill, .exec_id = exec_id, .status = ExecStatus::kFailed};
    result.error = *why;
    return settle(*p, std::move(result));
  }
}

void Delegations::bill(const ToolContext& context, const Pending& p, memory::Ledger::Hold hold) {
  if (!p.outcome) return;  // the hold goes back; what it cost is not known
  const bool failed = !*p.outcome || (*p.outcome)->status != ExecStatus::kCompleted;
  const xmpp::ExecUsage said =
      *p.outcome ? (*p.outcome)->usage.value_or(xmpp::ExecUsage()) : xmpp::ExecUsage();
  const xmpp::ExecUsage used = believable(p, said);
  const bool over = (p.budget.tokens > 0 && said.input + said.output > p.budget.tokens) ||
                    (p.budget.usd > 0 && said.usd.value_or(0) > p.budget.usd);
  if (over) {
    deps_.counts.add("budgets_overrun");
    log::warn("federation", "{} says it has used more than it was given: {} tokens, {}",
              p.target.jid.str(), said.input + said.output, format_usd(said.usd.value_or(0)));
  }
  const Conversation& c = context.conversation;
  memory::ModelCall call{.at = deps_.clock.now(),
                         .agent = deps_.agent_name,
                         .person = c.peer,
                         .conversation = fmt::format("{} {} {}", c.channel, c.peer, c.thread),
                         .turn = context.turn,
                         .provider = "agent",
                         .model = p.target.jid.bare().str(),
                         .purpose = "delegation",
                         .usage = {.input = used.input, .output = used.output},
                         .cost = used.usd.value_or(0),
                         .failed = failed};
  if (auto kept = deps_.ledger.settle(std::move(hold), std::move(call)); !kept)
    log::warn("federation", "a delegation is missing in the ledger: {}", kept.error().to_string());
}

void Delegations::audit(const ToolContext& context, const Pending& p) {
  const bool known = p.outcome && *p.outcome;
  const std::string_view came_to = known ? xmpp::exec_status_name((*p.outcome)->status) : "failed";
  auto written = deps_.audit.append({.principal = context.conversation.peer,
                                     .agent = deps_.agent,
                                     .action = "agent_delegate",
                                     .resource = resource_of(p.target.jid, p.skill),
                                     .outcome = came_to == "completed" ? "done" : "failed",
                                     .detail = fmt::format("{} {}", came_to, p.exec_id),
                                     .trace = context.turn});
  if (!written)
    log::warn("federation", "the audit misses {}: {}", p.exec_id, written.error().to_string());
}

void Delegations::call_off(const Pending& p) {
  deps_.counts.add("called_off");
  deps_.cancels.send({.to = p.target.jid,
                      .exec_id = p.exec_id,
                      .by_message = p.by_message,
                      .until = deps_.clock.now() + p.timeout + kPersonMax});
}

json::array Delegations::list() const {
  json::array all;
  for (const auto& [exec_id, p] : pending_) {
    all.push_back(json::object{{"exec_id", exec_id},
                               {"to", p->target.jid.str()},
                               {"skill", p->skill},
                               {"turn", p->turn},
                               {"status", xmpp::exec_status_name(p->status)},
                               {"progress", p->note}});
  }
  return all;
}

}  // namespace skep::federation
