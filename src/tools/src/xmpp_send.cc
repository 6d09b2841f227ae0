#include "skep/tools/xmpp_send.h"

#include <algorithm>

#include "send_audit.h"
#include "send_rates.h"
#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "spec.h"

namespace skep::tools {
namespace {

// Longer than a person may take to say yes ([authority] approval_secs).
constexpr std::chrono::minutes kTimeout{15};
constexpr std::chrono::milliseconds kFateAfter{1'500};  // an error or a receipt often comes at once

struct Wanted {
  std::string to;
  std::string body;
  bool room = false;
  bool when_online = false;
};

ToolOutput result(json::object fields) {
  const bool bad = fields["status"] == "denied" || fields["status"] == "expired";
  return {to_json(fields), bad};
}

class XmppSend final : public Tool {
 public:
  XmppSend(XmppSendConfig config, XmppSendDeps deps)
      : config_(std::move(config)), deps_(std::move(deps)), rates_(config_), audit_(config_) {
    spec_ = make_spec(
        "xmpp_send",
        "Send an XMPP message to somebody else than the person you are talking with. They may be "
        "asked to confirm it first. Never use it to answer here.",
        R"({"to":{"type":"string","minLength":3,"description":"address, like bob@example.org"},)"
        R"("body":{"type":"string","minLength":1},)"
        R"("type":{"type":"string","enum":["chat","groupchat"]},)"
        R"("when_online":{"type":"boolean","description":"wait until they are online"}})",
        {"to", "body"});
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return false; }
  [[nodiscard]] std::chrono::milliseconds timeout() const override { return kTimeout; }

  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    auto to = deps_.normal(get_string(arguments, "to"));
    if (!to) return {};  // call() says no
    return {{.action = authority::Action::kXmppSend,
             .resource = *to,
             .carries = std::string(get_string(arguments, "body"))}};
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    return fmt::format("send this to {}: {}", get_string(arguments, "to"),
                       get_string(arguments, "body"));
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    auto to = deps_.normal(get_string(arguments, "to"));
    Wanted wanted{
        .to = to ? *to : std::string(get_string(arguments, "to")),
        .body = std::string(trim(get_string(arguments, "body"))),
        .room = get_string(arguments, "type") == "groupchat",
        .when_online = get_bool(arguments, "when_online").value_or(config_.wait_until_online)};
    std::optional<std::string> no;
    if (!to) no = to.error().message;
    if (!no) no = refusal(context, wanted);
    if (!no) no = rates_.take(wanted.to, deps_.clock.now());
    if (no) co_return denied(context, wanted, *no);
    const bool met = deps_.knows && deps_.knows(context.conversation, wanted.to);
    const bool asks = config_.draft || (config_.confirm_first_contact && !met);
    if (asks) {
      const auto verdict = co_await ask(context, wanted);
      if (!verdict) co_return denied(context, wanted, verdict.error().message);
      using Verdict = XmppSendDeps::Verdict;
      if (*verdict == Verdict::kNo) co_return denied(context, wanted, "the person said no");
      if (*verdict == Verdict::kExpired)
        co_return closed(context, wanted, config_.draft ? "draft" : "expired",
                         "nobody confirmed it in time; it was not sent");
      if (!config_.draft && deps_.met) {
        if (auto kept = deps_.met(context.conversation, wanted.to); !kept)
          log::warn("tools", "they will be asked about {} again: {}", wanted.to,
                    kept.error().to_string());
      }
    }
    co_return co_await send(std::move(context), std::move(wanted));
  }

 private:
  // nullopt: it may go on.
  std::optional<std::string> refusal(const ToolContext& context, const Wanted& wanted) const {
    if (wanted.body.empty()) return "the body is blank";
    if (wanted.body.size() > XmppSendConfig::kBodyBytesMax)
      return fmt::format("the body is longer than {} bytes", XmppSendConfig::kBodyBytesMax);
    if (!is_valid_utf8(wanted.body)) return "the body is no UTF-8";
    if (wanted.to == context.conversation.peer)
      return "this is who you are talking with: just answer";
    const XmppSendDeps::Contact contact = deps_.contact(context.conversation, wanted.to);
    if (wanted.room != contact.room)
      return contact.room ? "this is a room: type must be groupchat" : "I am not in such a room";
    const bool listed = is_listed(wanted.to);
    const bool in_roster = config_.allow_roster_contacts && contact.known && !contact.room;
    if (!listed && !in_roster)
      return "the address is not among [skills.xmpp_send] allowed_contacts";
    if (config_.allow_subscribed_only && !contact.mutual && !contact.room)
      return "they do not exchange presence with me ([skills.xmpp_send] allow_subscribed_only)";
    return std::nullopt;
  }

  bool is_listed(const std::string& address) const {
    const auto has = [&](std::string_view entry) {
      return std::ranges::find(config_.allowed_contacts, entry) != config_.allowed_contacts.end();
    };
    const auto at = address.find('@');
    return has("*") || has(address) || (at != std::string::npos && has(address.substr(at)));
  }

  // A yes for a draft is for these very words; else it is for the contact.
  Task<Result<XmppSendDeps::Verdict>> ask(const ToolContext& context, const Wanted& wanted) {
    XmppSendDeps::Wish wish{
        .conversation = context.conversation,
        .turn = context.turn,
        .call = context.call_id,
        .to = wanted.to,
        .summary = fmt::format("send this to {}: {}", wanted.to, wanted.body),
        .resource = config_.draft ? fmt::format("{}#{}", wanted.to,
                                                hex_encode(sha256(wanted.body)).substr(0, 16))
                                  : wanted.to};
    co_return co_await deps_.ask(context.ctx, std::move(wish));
  }

  [[nodiscard]] bool hands_back(const ToolContext& context, const Wanted& wanted) const {
    return config_.answers_for.count() > 0 && !wanted.room &&
           context.conversation.channel == "xmpp";
  }
  [[nodiscard]] std::string how_long() const {
    const auto hours = std::chrono::round<std::chrono::hours>(config_.answers_for).count();
    return hours == 1 ? "an hour" : fmt::format("{} hours", hours);
  }

  // Who answers is told where it goes.
  std::string worded(const ToolContext& context, const Wanted& wanted) const {
    const bool back = hands_back(context, wanted);
    std::string note;
    if (config_.attribution)
      note = fmt::format("via {}, on behalf of {}", deps_.agent_name, context.conversation.peer);
    if (back)
      note +=
          fmt::format("{}what you answer within {} is passed on to {}", note.empty() ? "" : "; ",
                      how_long(), config_.attribution ? "them" : "whoever had me write this");
    return note.empty() ? wanted.body : fmt::format("{}\n\n({})", wanted.body, note);
  }

  Task<ToolOutput> send(ToolContext context, Wanted wanted) {
    const std::string id = mint_ulid();
    // First the book, then the deed: what is not written down is not sent.
    if (auto written = note(context, wanted, "sending", id); !written)
      co_return denied(context, wanted, "the audit file cannot be written");
    const auto posted =
        deps_.post({.from = context.conversation,
                    .id = id,
                    .to = wanted.to,
                    .text = worded(context, wanted),
                    .wait_until_online = wanted.when_online,
                    .answers_for = hands_back(context, wanted) ? config_.answers_for
                                                               : std::chrono::milliseconds(0)});
    if (!posted) co_return denied(context, wanted, posted.error().message);
    std::string status = *posted;
    if (status != "waits") {
      (void)co_await sleep_for(context.ctx, kFateAfter);
      status = deps_.fate(context.conversation, id);
    }
    (void)note(context, wanted, status, id);
    if (status == "bounced")
      co_return result(
          {{"status", "denied"}, {"to", wanted.to}, {"reason", "it came back undelivered"}});
    json::object fields{
        {"status", status == "waits" ? "waits" : "sent"}, {"message_id", id}, {"to", wanted.to}};
    if (status == "delivered") fields["delivered"] = true;
    if (hands_back(context, wanted))
      fields["answer"] = fmt::format(
          "what they answer within {} will come into this conversation "
          "by itself: do not wait for it",
          how_long());
    co_return result(std::move(fields));
  }

  Result<void> note(const ToolContext& context, const Wanted& wanted, const std::string& outcome,
                    const std::string& id = {}) {
    if (deps_.audit)
      SKEP_TRY_VOID(deps_.audit(context.conversation, wanted.to, outcome,
                                "sha256:" + hex_encode(sha256(wanted.body))));
    return audit_.append({.at = deps_.clock.now(),
                          .to = wanted.to,
                          .body = wanted.body,
                          .conversation = context.conversation,
                          .result = outcome,
                          .message_id = id});
  }

  ToolOutput closed(const ToolContext& context, const Wanted& wanted, std::string_view status,
                    const std::string& reason) {
    (void)note(context, wanted, fmt::format("{}: {}", status, reason));
    return result({{"status", status}, {"to", wanted.to}, {"reason", reason}});
  }
  ToolOutput denied(const ToolContext& context, const Wanted& wanted, const std::string& reason) {
    return closed(context, wanted, "denied", reason);
  }

  const XmppSendConfig config_;
  XmppSendDeps deps_;
  SendRates rates_;
  SendAudit audit_;
  llm::ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> make_xmpp_send(XmppSendConfig config, XmppSendDeps deps) {
  return std::make_unique<XmppSend>(std::move(config), std::move(deps));
}

}  // namespace skep::tools
