#include "skep/channels/xmpp_channel.h"

#include "drafts.h"
#include "extras.h"
#include "inbound.h"
#include "outbox.h"
#include "pubsub.h"
#include "rooms.h"
#include "signals.h"
#include "skep/base/log.h"
#include "skep/xmpp/features.h"
#include "skep/xmpp/roster.h"
#include "xmpp_status.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;
using xmpp::XmppConfig;

constexpr std::string_view kNsDiscoInfo = "http://jabber.org/protocol/disco#info";
constexpr std::string_view kNsPing = "urn:xmpp:ping";          // XEP-0199
constexpr std::string_view kNsStyling = "urn:xmpp:styling:0";  // XEP-0393
constexpr std::string_view kNsVcard = "vcard-temp";            // XEP-0054
constexpr std::chrono::seconds kDiscoTimeout{30};

bool is_bot(const Element& info) {
  const Element* query = info.child("query", kNsDiscoInfo);
  if (query == nullptr) return false;
  return std::ranges::any_of(query->children(), [](const Element* child) {
    return child->name == "identity" && child->attribute("category") == "client" &&
           child->attribute("type") == "bot";
  });
}

class XmppChannelImpl final : public XmppChannel {
 public:
  XmppChannelImpl(XmppChannelConfig config, XmppChannelDeps deps)
      : config_(std::move(config)),
        deps_(std::move(deps)),
        component_(config_.link.mode == XmppConfig::Mode::kComponent),
        gate_(deps_.xmpp.loop),
        admission_(config_, deps_.journal, deps_.xmpp.clock, stats_),
        turns_(turns_deps()),
        outbox_(outbox_deps(), config_.outbox_max),
        catch_up_(catch_up_deps()),
        reception_({.account = component_ ? Jid() : config_.link.address(),
                    .catch_up = component_ ? nullptr : &catch_up_,
                    .stats = stats_}),
        presence_(make_presence()),
        rooms_(rooms_deps()),
        signals_(config_.signals, admission_, deps_.xmpp.clock, stats_),
        pubsub_(pubsub_deps()),
        drafts_(drafts_deps()),
        uploads_(uploads_deps()),
        extras_({.config = config_,
                 .turns = turns_,
                 .rooms = rooms_,
                 .uploads = uploads_,
                 .post = [this](OutgoingReply reply) { return outbox_.put(std::move(reply)); },
                 .with_from = component_}),
        inbound_(inbound_deps()),
        link_(config_.link, deps_.xmpp, identity(), handlers()) {
    add_features(link_.features());
    remember_unfinished();
    outbox_.restore();
  }

  std::string kind() const override { return "xmpp"; }
  XmppChannelStats stats() const override { return stats_; }
  std::string rooms_command(std::string_view command, std::string_view arguments) override {
    return rooms_.command(command, arguments);
  }
  Result<void> react(const std::string& turn, std::vector<std::string> emojis) override {
    return extras_.react(turn, std::move(emojis));
  }
  Task<Result<void>> share(Ctx ctx, std::string turn, OutgoingFile file) override {
    return extras_.share(std::move(ctx), std::move(turn), std::move(file));
  }
  std::string signals_of(const std::string& peer) override { return signals_.line(peer); }
  const RoomConfig* room_config(std::string_view peer) const override {
    return rooms_.config_of(peer);
  }

  void start() override {
    log::info("xmpp", "{} {}: {}", component_ ? "component" : "account",
              config_.link.address().str(), admission_.allow_list().describe());
    gate_.spawn("xmpp inbound", inbound_.run(gate_.ctx()));
    rooms_.start();
    link_.start();
  }

  Result<void> deliver(Message message) override {
    if (message.kind == Kind::kProgress) return progress(message), Result<void>();
    if (message.kind == Kind::kReply) return reply(std::move(message));
    if (message.kind == Kind::kSystem) {
      log::warn("xmpp", "the fabric says {} about {}", message.action, message.in_reply_to.str());
      return {};
    }
    return fail(Code::kUnsupported, "the XMPP channel takes replies and progress only");
  }

  // Nothing new is taken; what was accepted is handed over, what is ready is sent; then the last
  // presence.
  Task<void> close(Ctx ctx) override {
    co_await rooms_.drained(ctx);  // needs what comes in
    inbound_.close();
    co_await inbound_.finished(ctx);
    co_await outbox_.drained(ctx);
    rooms_.leave_all();
    std::vector<Element> last = presence_->farewell();
    co_await link_.close(ctx, std::move(last));
    session_ = nullptr;
    outbox_.down();
    co_await gate_.close();
    catch_up_.save();
  }

  std::vector<std::string> status_lines(bool admin) const override {
    return channels::status_lines(seen(), admin);
  }
  json::object status() const override { return status_object(seen()); }

 private:
  XmppSeen seen() const {
    return {.config = config_,
            .link = link_.status(),
            .stats = stats_,
            .rooms = rooms_,
            .waiting = outbox_.size(),
            .policy = admission_.allow_list().describe(),
            .now = deps_.xmpp.clock.now()};
  }
  Turns::Deps turns_deps() {
    return {.gate = gate_,
            .clock = deps_.xmpp.clock,
            .peers = peers_,
            .say = [this](const Element& stanza) { say(stanza); },
            .refresh = config_.composing_refresh,
            .with_from = component_};
  }
  Outbox::Deps outbox_deps() {
    return {.journal = deps_.journal,
            .asks_archive = !component_,
            .clock = deps_.xmpp.clock,
            .gate = gate_,
            .ping = [this](Ctx ctx) { return ping(std::move(ctx)); },
            .finished = [this](const OutgoingReply& reply, bool sent) { finished(reply, sent); }};
  }
  CatchUp::Deps catch_up_deps() {
    return {.gate = gate_,
            .clock = deps_.xmpp.clock,
            .stats = stats_,
            .session = [this] { return session_; },
            .account = config_.link.address(),
            .settled = [this](bool archived) { outbox_.settle(archived); },
            .file = component_ ? std::string() : config_.archive_file};
  }
  Inbound::Deps inbound_deps() {
    return {.channel = deps_,
            .admission = admission_,
            .presence = *presence_,
            .reception = reception_,
            .quotes = quotes_,
            .peers = peers_,
            .turns = turns_,
            .stats = stats_,
            .say = [this](const Element& stanza) { say(stanza); },
            .is_reply = [this](const std::string& id) { return outbox_.arrived(id); },
            .ask_what = asker(),
            .rooms = rooms_,
            .with_from = component_,
            .events = [this](Ctx ctx,
                             Element message) { return event(std::move(ctx), std::move(message)); },
            .asks_features = config_.stream_corrections,
            .is_draft = [this](const std::string& id) { return drafts_.is_draft(id); }};
  }
  PubSub::Deps pubsub_deps() {
    const std::string own = local_part(config_.agent_name) + "@" + config_.link.address().domain();
    return {
        .config = config_,
        .channel = deps_,
        .turns = turns_,
        .gate = gate_,
        .stats = stats_,
        .request = [this](Ctx ctx, Element iq) { return request(std::move(ctx), std::move(iq)); },
        .own =
            component_ ? Jid::parse(own).value_or(config_.link.address()) : config_.link.address(),
        .with_from = component_};
  }
  Task<bool> event(Ctx ctx, Element message) {
    if (signals_.take(message)) co_return true;
    co_return co_await pubsub_.take(std::move(ctx), std::move(message));
  }
  Drafts::Deps drafts_deps() {
    return {.gate = gate_,
            .journal = deps_.journal,
            .say = [this](const Element& stanza) { say(stanza); },
            .takes_corrections =
                [this](const std::string& full) { return peers_.takes_corrections(full); },
            .enabled = config_.stream_corrections,
            .with_from = component_,
            .styling = config_.styling,
            .bytes_max = config_.reply_bytes_max};
  }
  std::function<void(const Jid&, const Jid&)> asker() {
    return [this](const Jid& who, const Jid& from) {
      gate_.spawn("xmpp disco", ask_what(gate_.ctx(), who, from));
    };
  }
  Rooms::Deps rooms_deps() {
    return {
        .config = config_,
        .channel = deps_,
        .admission = admission_,
        .turns = turns_,
        .gate = gate_,
        .send = [this](const Element& stanza) -> Result<void> {
          if (session_ == nullptr) return fail(Code::kUnavailable, "the link is down");
          return session_->send(stanza);
        },
        .request = [this](Ctx ctx, Element iq) { return request(std::move(ctx), std::move(iq)); },
        .post = [this](OutgoingReply reply) { return outbox_.put(std::move(reply)); },
        .ask_what = asker()};
  }
  // The domain of the people is the server's; a component's own has nothing.
  Uploads::Deps uploads_deps() {
    std::vector<std::string> domains = config_.allow.own_domains;
    const std::string own = config_.link.address().domain();
    if (component_) std::erase(domains, own);
    return {
        .files = deps_.files,
        .stats = stats_,
        .request = [this](Ctx ctx, Element iq) { return request(std::move(ctx), std::move(iq)); },
        .from = component_ ? config_.link.address() : Jid(),
        .domains = std::move(domains),
        .service = deps_.files ? deps_.files->config().upload_service : std::string()};
  }
  std::unique_ptr<Presence> make_presence() {
    PresenceDeps deps{.admission = admission_, .gate = gate_, .say = [this](const Element& stanza) {
                        say(stanza);
                      }};
    if (component_) return component_presence(std::move(deps), config_.subscribers_file);
    deps.before_presence = [this](Ctx ctx) { return catch_up_.run(std::move(ctx)); };
    deps.after_presence = [this](Ctx ctx) { return catch_up_.close_gap(std::move(ctx)); };
    return client_presence(std::move(deps), config_.link.address(), config_.allow.addresses);
  }

  // The process may have ended between an acceptance and the record of its key.
  void remember_unfinished() {
    for (const Message& message : std::exchange(deps_.unfinished, {})) {
      if (message.conversation.channel != kind()) continue;
      turns_.asked(message, asked_from(message.meta).value_or(Asked{}));
      const std::string_view key = seen_from(message.meta);
      if (key.empty()) continue;
      const auto kept = deps_.journal.remember(Admission::kSeenSet, key);
      if (!kept) log::warn("xmpp", "a message may be answered twice: {}", kept.error().to_string());
    }
  }

  // What works here beside what the library answers itself.
  void add_features(xmpp::Features& features) {
    for (std::string_view ns :
         {xmpp::kNsChatStates, xmpp::kNsReceipts, xmpp::kNsDelay, xmpp::kNsStanzaId, xmpp::kNsOob,
          kNsMarkers, xmpp::kNsCorrect, xmpp::kNsRetract, xmpp::kNsFallback, xmpp::kNsReactions,
          xmpp::kNsReply, xmpp::kNsFileSharing, xmpp::kNsFileMetadata, xmpp::kNsMuc,
          xmpp::kNsConference}) {
      features.announce(std::string(ns));
    }
    for (std::string& feature : signals_.features()) features.announce(std::move(feature));
    if (config_.styling) features.announce(std::string(kNsStyling));
    if (component_) {
      features.add(std::string(kNsVcard), [this](const Element& iq) { return vcard(iq); });
    } else {
      features.add(
          std::string(xmpp::kNsRoster), [this](const Element& iq) { return presence_->answer(iq); },
          false);
    }
  }

  // XEP-0054: a component has no server that keeps its card.
  std::optional<Element> vcard(const Element& iq) {
    const auto peer = Jid::parse(iq.attribute("from"));
    if (iq.attribute("type") != "get" || !peer || !may_ask(*peer)) return std::nullopt;
    Element name("FN", std::string(kNsVcard));
    Element card("vCard", std::string(kNsVcard));
    card.add(std::move(name.text(config_.agent_name)));
    return iq_result(iq).add(std::move(card));
  }

  xmpp::Identity identity() {
    return {.name = config_.agent_name,
            .component = component_,
            .version = deps_.version,
            .started = deps_.xmpp.clock.now(),
            .may_ask = [this](const Jid& peer) { return may_ask(peer); }};
  }
  // People who may talk to us, and the servers between them and us.
  bool may_ask(const Jid& peer) {
    if (peer.local().empty())
      return std::ranges::find(config_.allow.own_domains, peer.domain()) !=
             config_.allow.own_domains.end();
    return admission_.allow_list().check(peer.bare().str()) == identity::Verdict::kAllowed;
  }

  xmpp::Link::Handlers handlers() {
    return {.up = [this](xmpp::Session& session) { up(session); },
            .stanza =
                [this](Element stanza) {
                  inbound_.take(std::move(stanza), session_ ? session_->hold() : nullptr);
                },
            .down = [this](const Error&) { down(); },  // the link has logged why
            .gave_up = [this](const xmpp::SessionEnd& end) { gave_up(end); }};
  }

  void up(xmpp::Session& session) {
    session_ = &session;
    presence_->up(session);
    rooms_.up();
    pubsub_.up();
    auto send = [this](const Element& stanza, Outbox::Done done,
                       std::function<void()> written) -> Result<void> {
      if (session_ == nullptr) return fail(Code::kUnavailable, "the link is down");
      return session_->send(stanza, std::move(done), std::move(written));
    };
    outbox_.up(std::move(send), session.acknowledges());
  }

  void down() {
    session_ = nullptr;
    outbox_.down();
    rooms_.down();
    uploads_.down();
    pubsub_.down();
    presence_->down();
  }

  void gave_up(const xmpp::SessionEnd& end) {
    Error error = end.error;
    const std::string address = config_.link.address().str();
    error.message = fmt::format("XMPP cannot go online as {}: {}", address, error.message);
    if (error.code == Code::kUnauthenticated) {
      error.message += component_ ? ". Check [server] component_domain and component_secret "
                                    "against the server's configuration"
                                  : ". Check [server] jid and password";
    }
    if (deps_.gave_up) deps_.gave_up(error);
  }

  // What may be lost with the link: receipts, states, presence.
  void say(const Element& stanza) {
    if (session_ == nullptr) return;
    if (auto sent = session_->send(stanza); !sent)
      log::debug("xmpp", "not sent: {}", sent.error().to_string());
  }

  // A turn that a previous process began shows nothing in a room: how it was asked is not known.
  void progress(const Message& message) {
    if (rooms_.is_for_room(message) && !turns_.knows(message.in_reply_to)) return;
    turns_.progress(message);
    drafts_.progress(message, turns_.find(message.in_reply_to.str()));
  }

  Result<void> reply(Message message) {
    const bool in_room = rooms_.is_for_room(message);
    const std::string draft = drafts_.ended(message.in_reply_to);
    const Asked asked = turns_.answered(message);
    if (in_room) return rooms_.reply(std::move(message), asked);
    const std::string to = message.reply_address.to;
    OutgoingReply out{.message = std::move(message),
                      .type = asked.type,
                      .parent_thread = asked.parent_thread,
                      .chat_state = peers_.takes_states(to),
                      .with_from = component_,
                      .styling = config_.styling,
                      .extras = {.corrects = draft},
                      .bytes_max = config_.reply_bytes_max};
    if (out.chat_state) peers_.told(to);
    if (turns_.is_overtaken(out.message.conversation, asked)) out.answers = asked.reference;
    if (auto peer = Jid::parse(to))
      for (const std::string& id : {out.message.id.str(), draft})
        quotes_.keep(*peer, id, text_of(out.message.parts));
    return outbox_.put(std::move(out));
  }

  void finished(const OutgoingReply& reply, bool sent) {
    ++(sent ? stats_.answered : stats_.undelivered);
    if (sent) inbound_.sent(reply.message.id.str(), reply.message.reply_address.to);
  }

  Task<Result<Element>> request(Ctx ctx, Element iq) {
    if (session_ == nullptr) co_return fail(Code::kCancelled, "the link is down");
    co_return co_await session_->request(std::move(ctx), std::move(iq));
  }

  // A component asks itself: the question and the answer go through the server and back, whatever
  // it serves.
  Task<Result<void>> ping(Ctx ctx) {
    if (session_ == nullptr) co_return fail(Code::kCancelled, "the link is down");
    const Jid own = config_.link.address();
    const Jid whom = component_ ? own : Jid::parse(own.domain()).value_or(own);
    Element iq = xmpp::make_iq(component_ ? own : Jid(), whom, "get", "");
    iq.add(Element("ping", std::string(kNsPing)));
    const auto answer = co_await session_->request(std::move(ctx), std::move(iq));
    co_return answer ? Result<void>() : fail(answer.error());
  }

  // Who writes at a machine's pace may be one (XEP-0030 identity client/bot).
  Task<void> ask_what(Ctx ctx, Jid who, Jid from) {
    if (session_ == nullptr) co_return;
    Element iq = xmpp::make_iq(from, who, "get", "");
    iq.add(Element("query", std::string(kNsDiscoInfo)));
    const Ctx bounded = ctx.within(kDiscoTimeout);
    const auto info = co_await session_->request(bounded, std::move(iq));
    admission_.bots().learnt(who.str(), info && is_bot(*info));
    peers_.learnt(who.str(), info && xmpp::announces(*info, xmpp::kNsCorrect));
  }

  const XmppChannelConfig config_;
  XmppChannelDeps deps_;
  const bool component_;
  XmppChannelStats stats_;
  xmpp::Session* session_ = nullptr;  // the link's, while it is up
  Gate gate_;
  Admission admission_;
  Peers peers_;
  Turns turns_;
  Outbox outbox_;
  CatchUp catch_up_;
  Quotes quotes_;
  Reception reception_;
  std::unique_ptr<Presence> presence_;
  Rooms rooms_;
  Signals signals_;
  PubSub pubsub_;
  Drafts drafts_;
  Uploads uploads_;
  ExtrasSender extras_;
  Inbound inbound_;
  xmpp::Link link_;
};

}  // namespace

Result<std::unique_ptr<XmppChannel>> XmppChannel::open(XmppChannelConfig config,
                                                       XmppChannelDeps deps) {
  if (config.link.address().empty()) {
    return fail(Code::kInvalid,
                "[server] needs component_domain and component_secret, or jid and password");
  }
  if (config.allow.own_domains.empty()) config.allow.own_domains = {config.link.address().domain()};
  return std::make_unique<XmppChannelImpl>(std::move(config), std::move(deps));
}

}  // namespace skep::channels
