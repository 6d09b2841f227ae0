#include "skep/base/log.h"
#include "skep/channels/unasked_message.h"
#include "skep/model/reply.h"
#include "skep/xmpp/caps.h"
#include "xmpp_channel_impl.h"

namespace skep::channels {

using xmpp::Element;
using xmpp::Jid;
using xmpp::XmppConfig;

namespace {

constexpr std::string_view kNsPing = "urn:xmpp:ping";  // XEP-0199
constexpr std::chrono::seconds kDiscoTimeout{30};
constexpr std::chrono::seconds kLastUploadsTimeout{
    3};  // at the end; the rest waits for the next start

bool is_bot(const Element& info) {
  const Element* query = info.child("query", xmpp::kNsDiscoInfo);
  if (query == nullptr) return false;
  return std::ranges::any_of(query->children(), [](const Element* child) {
    return child->name == "identity" && child->attribute("category") == "client" &&
           child->attribute("type") == "bot";
  });
}

}  // namespace

XmppChannelImpl::XmppChannelImpl(XmppChannelConfig config, XmppChannelDeps deps,
                                 Entrypoints entrypoints)
    : config_(std::move(config)),
      deps_(std::move(deps)),
      entrypoints_(std::move(entrypoints)),
      component_(config_.link.mode == XmppConfig::Mode::kComponent),
      gate_(deps_.xmpp.loop),
      admission_(config_, deps_.journal, deps_.xmpp.clock, stats_, deps_.access),
      turns_(turns_deps()),
      outbox_(outbox_deps(), config_.outbox_max),
      catch_up_(catch_up_deps()),
      reception_({.account = component_ ? Jid() : config_.link.address(),
                  .catch_up = component_ ? nullptr : &catch_up_,
                  .stats = stats_,
                  .language = config_.language}),
      presence_(make_presence()),
      deferred_(deferred_deps()),
      answers_(answers_deps()),
      greeter_(greeter_deps()),
      commands_(commands_deps()),
      rooms_(rooms_deps()),
      signals_(config_.signals, admission_, deps_.xmpp.clock, stats_),
      pubsub_(pubsub_deps()),
      drafts_(drafts_deps()),
      uploads_(uploads_deps()),
      long_replies_(long_replies_deps()),
      extras_({.config = config_,
               .turns = turns_,
               .rooms = rooms_,
               .uploads = uploads_,
               .post = [this](OutgoingReply reply) { return long_replies_.put(std::move(reply)); },
               .with_from = component_}),
      inbound_(inbound_deps()),
      link_(config_.link, deps_.xmpp, identity(), handlers()) {
  add_features(link_.features());
  remember_unfinished();
  outbox_.restore();
  deferred_.restore();
  answers_.restore();
}

void XmppChannelImpl::start() {
  log::info("xmpp", "{} {}: {}", component_ ? "component" : "account", config_.link.address().str(),
            admission_.allow_list().describe());
  gate_.spawn("xmpp inbound", inbound_.run(gate_.ctx()));
  long_replies_.restore();
  deferred_.start();
  rooms_.start();
  link_.start();
}

Result<void> XmppChannelImpl::deliver(Message message) {
  if (message.kind == Kind::kProgress && message.progress &&
      message.progress->phase == Progress::Phase::kAsks)
    return question(std::move(message));
  if (message.kind == Kind::kProgress) return progress(message), Result<void>();
  if (auto unasked = unasked_of(message)) {
    // The schedule's alone: it is of this house.
    const Name* to = std::get_if<Name>(&message.dst);
    const bool ours = to != nullptr && message.src_name && message.src_name->base() == "WF.jobs" &&
                      message.src_name->hive() == to->hive();
    if (!ours) return fail(Code::kDenied, "only the schedule may have something said unasked");
    SKEP_TRY_VOID(post(*std::move(unasked)));
    return {};
  }
  if (message.kind == Kind::kReply) {
    if (commands_.take_reply(message)) return {};
    return reply(std::move(message));
  }
  if (message.kind == Kind::kSystem) {
    // Events of the house are for whoever waits for them; what is about a message of ours is news.
    if (!message.in_reply_to.empty())
      log::warn("xmpp", "the fabric says {} about {}", message.action, message.in_reply_to.str());
    return {};
  }
  return fail(Code::kUnsupported, "the XMPP channel takes replies and progress only");
}

// Nothing new is taken; what was accepted is handed over, what is ready is sent; then the last
// presence.
Task<void> XmppChannelImpl::close(Ctx ctx) {
  co_await rooms_.drained(ctx);  // needs what comes in
  inbound_.close();
  co_await inbound_.finished(ctx);
  const Ctx last_uploads = ctx.within(kLastUploadsTimeout);
  co_await long_replies_.drained(last_uploads);
  co_await outbox_.drained(ctx);
  rooms_.leave_all();
  std::vector<Element> last = presence_->farewell();
  co_await link_.close(ctx, std::move(last));
  session_ = nullptr;
  if (deps_.guest) deps_.guest->link(nullptr);
  outbox_.down();
  co_await gate_.close();
  catch_up_.save();
  rooms_.save();
}

// The process may have ended between an acceptance and the record of its key.
void XmppChannelImpl::remember_unfinished() {
  for (const Message& message : std::exchange(deps_.unfinished, {})) {
    if (message.conversation.channel != kind()) continue;
    turns_.asked(message, asked_from(message.meta).value_or(Asked{}));
    const std::string_view key = seen_from(message.meta);
    if (key.empty()) continue;
    const auto kept = deps_.journal.remember(Admission::kSeenSet, key);
    if (!kept) log::warn("xmpp", "a message may be answered twice: {}", kept.error().to_string());
  }
}

void XmppChannelImpl::up(xmpp::Session& session) {
  session_ = &session;
  presence_->up(session);
  rooms_.up();
  if (component_) pubsub_.up();
  auto send = [this](const Element& stanza, Outbox::Done done,
                     std::function<void()> written) -> Result<void> {
    if (session_ == nullptr) return fail(Code::kUnavailable, "the link is down");
    return session_->send(stanza, std::move(done), std::move(written));
  };
  outbox_.up(std::move(send), session.acknowledges());
  long_replies_.up();
  if (deps_.guest) deps_.guest->link(&session);
}

// An account's events reach nobody before its presence does.
Task<void> XmppChannelImpl::appeared(Ctx ctx) {
  pubsub_.up();
  co_await catch_up_.close_gap(std::move(ctx));
  gate_.spawn("xmpp last look", catch_up_.look_again(gate_.ctx()));
}

void XmppChannelImpl::down() {
  session_ = nullptr;
  if (deps_.guest) deps_.guest->link(nullptr);
  outbox_.down();
  rooms_.down();
  long_replies_.down();
  uploads_.down();
  pubsub_.down();
  presence_->down();
  commands_.down();
}

void XmppChannelImpl::gave_up(const xmpp::SessionEnd& end) {
  Error error = end.error;
  const std::string address = config_.link.address().str();
  const std::string section = config_.label.empty() ? "[server]" : "[[accounts]] " + config_.label;
  error.message = fmt::format("XMPP cannot go online as {}: {}", address, error.message);
  if (error.code == Code::kUnauthenticated) {
    error.message += component_ ? fmt::format(
                                      ". Check {} component_domain and component_secret "
                                      "against the server's configuration",
                                      section)
                                : fmt::format(". Check {} jid and password", section);
  }
  if (deps_.gave_up) deps_.gave_up(error);
}

// What may be lost with the link: receipts, states, presence.
void XmppChannelImpl::say(const Element& stanza) {
  if (session_ == nullptr) return;
  if (auto sent = session_->send(stanza); !sent)
    log::debug("xmpp", "not sent: {}", sent.error().to_string());
}

// A turn that a previous process began shows nothing in a room: how it was asked is not known.
void XmppChannelImpl::progress(const Message& message) {
  if (rooms_.is_for_room(message) && !turns_.knows(message.in_reply_to)) return;
  turns_.progress(message);
  drafts_.progress(message, turns_.find(message.in_reply_to.str()));
}

// A message of its own, as sure to arrive as a reply; the turn goes on behind it. Its id ends in
// the question's, which is what the buttons say (XEP-0439).
Result<void> XmppChannelImpl::question(Message message) {
  const Asked asked = turns_.waits(message);
  message.kind = Kind::kReply;
  message.parts = {TextPart{std::exchange(message.progress, std::nullopt)->text}};
  const std::string& id = message.id.str();
  const std::string name = id.substr(id.rfind('-') + 1);
  questions_.touch(id) = name;
  return put(std::move(message), asked,
             {{"/confirm " + name, "Yes"},
              {"/deny " + name, "No"},
              {fmt::format("/confirm {} always", name), "Always"}},
             {});
}

Result<void> XmppChannelImpl::reply(Message message) {
  const std::string draft = drafts_.ended(message.in_reply_to);
  const Asked asked = turns_.answered(message);
  return put(std::move(message), asked, {}, draft);
}

Result<void> XmppChannelImpl::put(Message message, const Asked& asked, std::vector<Choice> choices,
                                  const std::string& draft) {
  if (rooms_.is_for_room(message)) return rooms_.reply(std::move(message), asked);
  const std::string to = message.reply_address.to;
  OutgoingReply out{.message = std::move(message),
                    .type = asked.type,
                    .parent_thread = asked.parent_thread,
                    .chat_state = peers_.takes_states(to),
                    .with_from = component_,
                    .styling = config_.styling,
                    .extras = {.corrects = draft},
                    .bytes_max = config_.reply_bytes_max,
                    .choices = std::move(choices)};
  if (out.chat_state) peers_.told(to);
  const std::string_view chosen = chosen_in(out.message);
  const bool current = chosen == kCurrentMessage;
  const bool overtaken = turns_.is_overtaken(out.message.conversation, asked);
  if (current || overtaken) out.answers = asked.reference;
  if (!chosen.empty() && !current) out.answers = chosen;
  if (auto peer = Jid::parse(to)) {
    if (overtaken || !current) out.quote = quotes_.find(*peer, out.answers);
    for (const std::string& id : {out.message.id.str(), draft})
      quotes_.keep(*peer, id, text_of(out.message.parts));
  }
  return long_replies_.put(std::move(out));
}

void XmppChannelImpl::finished(const OutgoingReply& reply, bool sent) {
  ++(sent ? stats_.answered : stats_.undelivered);
  set_fate(reply.message.id.str(), sent ? Fate::kSent : Fate::kBounced);
  if (!sent) answers_.give_up(reply.message.id.str());
  if (sent) inbound_.sent(reply.message.id.str(), reply.message.reply_address.to);
}

Task<Result<Element>> XmppChannelImpl::request(Ctx ctx, Element iq) {
  if (session_ == nullptr) co_return fail(Code::kCancelled, "the link is down");
  co_return co_await session_->request(std::move(ctx), std::move(iq));
}

Task<bool> XmppChannelImpl::on_event(Ctx ctx, Element message) {
  if (signals_.take(message)) co_return true;
  co_return co_await pubsub_.take(std::move(ctx), std::move(message));
}

// A component asks itself: the question and the answer go through the server and back, whatever
// it serves.
Task<Result<void>> XmppChannelImpl::ping(Ctx ctx) {
  if (session_ == nullptr) co_return fail(Code::kCancelled, "the link is down");
  const Jid own = config_.link.address();
  const Jid whom = component_ ? own : Jid::parse(own.domain()).value_or(own);
  Element iq = xmpp::make_iq(component_ ? own : Jid(), whom, "get", "");
  iq.add(Element("ping", std::string(kNsPing)));
  const auto answer = co_await session_->request(std::move(ctx), std::move(iq));
  co_return answer ? Result<void>() : fail(answer.error());
}

// Who writes at a machine's pace may be one (XEP-0030 identity client/bot).
Task<void> XmppChannelImpl::ask_what(Ctx ctx, Jid who, Jid from) {
  if (session_ == nullptr) co_return;
  Element iq = xmpp::make_iq(from, who, "get", "");
  iq.add(Element("query", std::string(xmpp::kNsDiscoInfo)));
  const Ctx bounded = ctx.within(kDiscoTimeout);
  const auto info = co_await session_->request(bounded, std::move(iq));
  admission_.bots().learnt(who.str(), info && is_bot(*info));
  peers_.learnt(who.str(), info && xmpp::announces(*info, xmpp::kNsCorrect));
}

Result<std::unique_ptr<XmppChannel>> XmppChannel::open(XmppChannelConfig config,
                                                       XmppChannelDeps deps) {
  if (config.link.address().empty()) {
    return fail(Code::kInvalid,
                "[server] needs component_domain and component_secret, or jid and password");
  }
  if (config.allow.own_domains.empty()) config.allow.own_domains = {config.link.address().domain()};
  SKEP_TRY(Entrypoints entrypoints, Entrypoints::open(config, deps.agent, deps.hive));
  return std::make_unique<XmppChannelImpl>(std::move(config), std::move(deps),
                                           std::move(entrypoints));
}

}  // namespace skep::channels
