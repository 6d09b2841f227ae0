#include "confirmations.h"

#include <algorithm>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/xmpp/references.h"

namespace skep::federation {
namespace {

using authority::Approvals;
using authority::Verdict;
using xmpp::Element;
using xmpp::Jid;

constexpr std::size_t kShownBytesMax = 500;  // of the arguments, in a question
constexpr std::string_view kIdPrefix =
    "confirm-";  // of the message that asks, before the question's

std::string shown_arguments(const Execution& e) {
  return std::string(cut_utf8(to_json(e.arguments), kShownBytesMax));
}

std::string_view outcome_of(const Execution& e) {
  if (!e.result) return "failed";
  if (e.result->status == xmpp::ExecStatus::kCompleted) return "executed";
  if (e.result->status == xmpp::ExecStatus::kExpired) return "expired";
  const bool denied = e.result->error && e.result->error->fault == xmpp::AgentFault::kDenied;
  return denied ? "denied" : "failed";
}

}  // namespace

Confirmations::Confirmations(Deps deps) : deps_(std::move(deps)) {
  stop_listening_ =
      deps_.approvals.on_asked([this](const authority::Approval& asked) { show(asked); });
}

Confirmations::~Confirmations() {
  if (stop_listening_) stop_listening_();
}

Task<Result<authority::Answer>> Confirmations::ask(Ctx ctx, const Execution& e) {
  if (deps_.config.owner.empty())
    co_return fail(Code::kDenied, "there is no person here who could agree to it");
  authority::Approval approval;
  // Who is asked; what is remembered ("always") is about this caller alone.
  approval.question = {.principal = {.id = deps_.config.owner},
                       .agent = deps_.agent,
                       .action = authority::Action::kToolInvoke,
                       .resource = fmt::format("{} for {}", e.skill, e.peer()),
                       .trace = e.id,
                       .detail = fmt::format("{} {}", e.skill, shown_arguments(e))};
  approval.question.labels |= authority::Label::kUntrustedAgent;
  approval.conversation = {.channel = "xmpp", .peer = deps_.config.owner};
  approval.turn = entry_id(e).str();  // its entry in the journal keeps the question
  approval.call = e.skill;
  approval.summary = fmt::format("run {} for {} with {}", e.skill, e.peer(), shown_arguments(e));
  shown_[approval.turn] = {.skill = e.skill, .caller = e.peer()};
  deps_.counts.add("confirmations_asked");
  co_return co_await deps_.approvals.ask(std::move(ctx), std::move(approval));
}

void Confirmations::expect(const Execution& e) {
  shown_[e.id] = {.skill = e.skill, .caller = e.peer()};
}

// The drafted form: words for every client, and the element for those that can show buttons.
void Confirmations::show(const authority::Approval& approval) {
  const auto ours = shown_.find(approval.turn);
  const auto to = Jid::parse(approval.conversation.peer);
  if (ours == shown_.end() || !to) return;
  ours->second.id = approval.id;
  Element message = xmpp::make_message(Jid::parse(deps_.own).value_or(Jid()), *to, "",
                                       std::string(kIdPrefix) + approval.id);
  const std::string id = approval.id;
  const bool high = is_high_risk(approval);
  Element body("body", std::string(xmpp::kNsClient));
  body.text(fmt::format("May I {}? Answer yes or no (or /confirm {}, /deny {}).", approval.summary,
                        id, id));
  xmpp::AgentConfirm confirm{
      .id = id,
      .action = ours->second.skill,
      .fields = {{"caller", ours->second.caller}, {"arguments", approval.question.detail}},
      .risk = high ? "high" : "medium",
      .expires = approval.expires};
  message.add(std::move(body)).add(xmpp::to_element(confirm));
  if (!high) {
    message.add(xmpp::quick_response("/confirm " + id, "Yes"));
    message.add(xmpp::quick_response("/deny " + id, "No"));
  }
  message.add(Element("store", std::string(xmpp::kNsHints)));
  deps_.post.say(std::move(message));
}

void Confirmations::take(const Element& message, const xmpp::AgentConfirmed& confirmed) {
  const auto from = Jid::parse(message.attribute("from"));
  if (!from) return;
  const std::string who = from->bare().str();
  const auto asked = pending(confirmed.id);
  if (asked && is_high_risk(*asked) && trim(message.child_text("body", xmpp::kNsClient)).empty()) {
    deps_.counts.add("confirmations_untyped");
    log::warn("federation", "{} answered {} without a word; it is of a high risk and waits", who,
              confirmed.id);
    return;
  }
  const authority::Principal by{.id = who, .admin = deps_.is_admin ? deps_.is_admin(who) : false};
  const auto remember =
      confirmed.remember == "none" ? Approvals::Remember::kOnce : Approvals::Remember::kAlways;
  const auto answered =
      deps_.approvals.answer(confirmed.id, {.channel = "xmpp", .peer = who}, by,
                             confirmed.approve ? Verdict::kYes : Verdict::kNo, remember);
  if (answered) return;
  deps_.counts.add("confirmations_refused");
  log::warn("federation", "the answer of {} to {} does not count: {}", who, confirmed.id,
            answered.error().to_string());
}

bool Confirmations::take_reaction(const Element& message) {
  const xmpp::References about = xmpp::read_references(message);
  if (!about.reacts_to.starts_with(kIdPrefix) || about.reactions.size() != 1) return false;
  const std::string id = about.reacts_to.substr(kIdPrefix.size());
  const std::string& emoji = about.reactions.front();
  if (!pending(id) || (emoji != "👍" && emoji != "👎")) return false;
  xmpp::AgentConfirmed answer;
  answer.id = id;
  answer.approve = emoji == "👍";
  take(message, answer);
  return true;
}

bool Confirmations::is_high_risk(const authority::Approval& approval) const {
  return std::ranges::find(deps_.config.high_risk, approval.call) != deps_.config.high_risk.end();
}

std::optional<authority::Approval> Confirmations::pending(const std::string& id) const {
  for (authority::Approval& one : deps_.approvals.pending()) {
    if (one.id == id) return std::move(one);
  }
  return std::nullopt;
}

void Confirmations::finished(const Execution& e) {
  for (const std::string& turn : {entry_id(e).str(), e.id}) {
    const auto at = shown_.find(turn);
    if (at == shown_.end()) continue;
    const auto to = Jid::parse(deps_.config.owner);
    if (to && !at->second.id.empty()) {
      Element message = xmpp::make_message(Jid::parse(deps_.own).value_or(Jid()), *to, "",
                                           "done-" + at->second.id);
      message.add(xmpp::confirm_result(at->second.id, outcome_of(e)));
      message.add(Element("store", std::string(xmpp::kNsHints)));
      deps_.post.say(std::move(message));
    }
    shown_.erase(at);
  }
}

}  // namespace skep::federation
