#include "xmpp_send_tool.h"

#include <algorithm>

#include "skep/base/log.h"
#include "skep/model/reply.h"
#include "skep/tools/xmpp_send.h"

namespace skep::kernel {
namespace {

using channels::Fate;
using tools::XmppSendDeps;

std::string fate_name(Fate fate) {
  switch (fate) {
    case Fate::kWaits:
      return "waits";
    case Fate::kDelivered:
      return "delivered";
    case Fate::kBounced:
      return "bounced";
    case Fate::kSent:
      return "sent";
    case Fate::kQueued:
    case Fate::kUnknown:
      break;
  }
  return "queued";
}

Result<std::string> normal(std::string_view text) {
  auto jid = xmpp::Jid::parse(text);
  if (!jid) return fail(Code::kInvalid, "that is no address: " + jid.error().message);
  if (jid->local().empty()) return fail(Code::kInvalid, "an address needs a part before @");
  return jid->bare().str();
}

Result<std::string> post(XmppSide& xmpp, const XmppSendDeps::Words& words) {
  channels::Unasked unasked{.id = MessageId(words.id),
                            .from = words.from.channel == "xmpp" ? words.from.entrypoint : "",
                            .behalf_of = words.from.peer,
                            .to = words.to,
                            .text = words.text,
                            .wait_until_online = words.wait_until_online,
                            .answers_for = words.answers_for,
                            .asker = words.from};
  SKEP_TRY(const channels::Posted posted, xmpp.channel_of(words.from).post(std::move(unasked)));
  return std::string(posted == channels::Posted::kWaits ? "waits" : "queued");
}

void show(XmppSide& xmpp, const authority::Approval& approval) {
  const auto minutes = std::max<std::int64_t>(
      1, std::chrono::round<std::chrono::minutes>(approval.expires - approval.asked).count());
  const std::string& id = approval.id;
  channels::Unasked question{
      .id = MessageId(mint_ulid()),
      .from = approval.conversation.entrypoint,
      .to = approval.conversation.peer,
      .text =
          fmt::format("Please confirm: {}\n\nAnswer /confirm {} or /deny {} (or just yes or no) "
                      "within {} minutes; with \"always\" behind it I keep your answer.",
                      approval.summary, id, id, minutes),
      .thread = approval.conversation.thread,
      .choices = {{"/confirm " + id, "Yes"},
                  {"/deny " + id, "No"},
                  {fmt::format("/confirm {} always", id), "Always"}},
      .question = id,
      .noted = false};
  auto posted = xmpp.channel_of(approval.conversation).post(std::move(question));
  if (!posted) log::warn("xmpp", "a question cannot be asked: {}", posted.error().to_string());
}

// The turn has asked the authority already (Tool::needs()).
Task<Result<XmppSendDeps::Verdict>> ask(XmppSide* xmpp, AuthoritySide* authority, std::string agent,
                                        Ctx ctx, XmppSendDeps::Wish wish) {
  const authority::Principal principal{.id = wish.conversation.peer,
                                       .admin = xmpp->is_admin(wish.conversation)};
  authority::Approval approval{.question = {.principal = principal,
                                            .agent = std::move(agent),
                                            .action = authority::Action::kXmppSend,
                                            .resource = std::move(wish.resource),
                                            .trace = wish.turn,
                                            .detail = wish.to},
                               .conversation = wish.conversation,
                               .turn = wish.turn,
                               .call = wish.call,
                               .summary = std::move(wish.summary)};
  if (wish.conversation.channel != "xmpp")
    co_return fail(Code::kUnsupported, "a person must say yes, and can do so over XMPP only");
  const auto unlisten = authority->approvals().on_asked(
      [xmpp, turn = wish.turn, call = wish.call](const authority::Approval& shown) {
        if (shown.turn == turn && shown.call == call) show(*xmpp, shown);
      });
  const auto answer = co_await authority->approvals().ask(std::move(ctx), std::move(approval));
  unlisten();
  if (!answer) co_return fail(answer.error());
  using Verdict = XmppSendDeps::Verdict;
  switch (answer->verdict) {
    case authority::Verdict::kYes:
      co_return Verdict::kYes;
    case authority::Verdict::kNo:
      co_return Verdict::kNo;
    case authority::Verdict::kExpired:
      break;
  }
  co_return Verdict::kExpired;
}

}  // namespace

Result<void> open_xmpp_send(tools::Toolbox& toolbox, const KernelConfig& config, XmppSide& xmpp,
                            AuthoritySide& authority, identity::Contacts& contacts) {
  if (!config.xmpp_send.enabled) return {};
  static_assert(kTaintOfOutsiders == static_cast<std::uint8_t>(authority::Label::kExternalNetwork));
  const Name own = Name::from_label(NodeType::kAgent, config.agent.name, config.hive);
  const std::string agent(own.base());
  XmppSendDeps deps{
      .contact =
          [&xmpp](const Conversation& from, const std::string& address) {
            const channels::Contact contact = xmpp.channel_of(from).contact(address);
            return XmppSendDeps::Contact{contact.known, contact.mutual, contact.room};
          },
      .normal = normal,
      .post = [&xmpp](const XmppSendDeps::Words& words) { return post(xmpp, words); },
      .fate =
          [&xmpp](const Conversation& from, const std::string& id) {
            return fate_name(xmpp.channel_of(from).fate(MessageId(id)));
          },
      .ask =
          [&xmpp, &authority, agent](Ctx ctx, XmppSendDeps::Wish wish) {
            return ask(&xmpp, &authority, agent, std::move(ctx), std::move(wish));
          },
      .knows = [&contacts](const Conversation& from,
                           const std::string& to) { return contacts.knows(from.peer, to); },
      .met = [&contacts](const Conversation& from,
                         const std::string& to) { return contacts.add(from.peer, to, from.peer); },
      .audit = [&authority, agent](const Conversation& from, std::string_view to,
                                   std::string_view outcome,
                                   std::string_view detail) -> Result<void> {
        const bool refused = outcome.starts_with("denied") || outcome.starts_with("expired") ||
                             outcome.starts_with("draft");
        authority::AuditEntry entry;
        entry.principal = from.peer;
        entry.agent = agent;
        entry.action = "xmpp_send";
        entry.resource = to;
        entry.outcome = refused ? "deny" : outcome == "sending" ? "allow" : "done";
        entry.detail = fmt::format("{} {}", outcome, detail);
        return authority.audit().append(std::move(entry));
      },
      .agent_name = config.agent.name,
      .clock = Clock::system()};
  return toolbox.add(tools::make_xmpp_send(config.xmpp_send, std::move(deps)));
}

}  // namespace skep::kernel
