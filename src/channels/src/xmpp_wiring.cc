// What each part of the XMPP node is given.
#include "profile.h"
#include "skep/base/log.h"
#include "skep/xmpp/caps.h"
#include "skep/xmpp/roster.h"
#include "xmpp_channel_impl.h"

namespace skep::channels {

using xmpp::Element;
using xmpp::Jid;

namespace {

constexpr std::string_view kNsStyling = "urn:xmpp:styling:0";  // XEP-0393

}  // namespace

Turns::Deps XmppChannelImpl::turns_deps() {
  return {.gate = gate_,
          .clock = deps_.xmpp.clock,
          .peers = peers_,
          .say = [this](const Element& stanza) { say(stanza); },
          .refresh = config_.composing_refresh,
          .with_from = component_};
}

Outbox::Deps XmppChannelImpl::outbox_deps() {
  return {.journal = deps_.journal,
          .asks_archive = !component_,
          .clock = deps_.xmpp.clock,
          .gate = gate_,
          .ping = [this](Ctx ctx) { return ping(std::move(ctx)); },
          .finished = [this](const OutgoingReply& reply, bool sent) { finished(reply, sent); }};
}

CatchUp::Deps XmppChannelImpl::catch_up_deps() {
  return {.gate = gate_,
          .clock = deps_.xmpp.clock,
          .stats = stats_,
          .session = [this] { return session_; },
          .account = config_.link.address(),
          .settled = [this](bool archived) { outbox_.settle(archived); },
          .file = component_ ? std::string() : config_.archive_file};
}

Inbound::Deps XmppChannelImpl::inbound_deps() {
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
          .entrypoints = entrypoints_,
          .events = [this](Ctx ctx,
                           Element event) { return on_event(std::move(ctx), std::move(event)); },
          .asks_features = config_.stream_corrections,
          .is_draft = [this](const std::string& id) { return drafts_.is_draft(id); },
          .arrived = [this](const std::string& id, const Jid& by) { on_receipt(id, by); },
          .bounced =
              [this](const std::string& id) {
                set_fate(id, Fate::kBounced);
                answers_.give_up(id);
              },
          .question =
              [this](const std::string& id) {
                const std::string* name = questions_.find(id);
                return name == nullptr ? std::string() : *name;
              },
          .answers =
              [this](Ctx ctx, const Received& received, std::string seen) {
                return answers_.take(std::move(ctx), received, std::move(seen));
              },
          .paired = [this](const identity::AccessEntry& entry) { tell_admins(entry); }};
}

std::function<void(const Jid&, const Jid&)> XmppChannelImpl::asker() {
  return [this](const Jid& who, const Jid& from) {
    gate_.spawn("xmpp disco", ask_what(gate_.ctx(), who, from));
  };
}

Rooms::Deps XmppChannelImpl::rooms_deps() {
  return {.config = config_,
          .channel = deps_,
          .admission = admission_,
          .turns = turns_,
          .gate = gate_,
          .send = [this](const Element& stanza) -> Result<void> {
            if (session_ == nullptr) return fail(Code::kUnavailable, "the link is down");
            return session_->send(stanza);
          },
          .request = [this](Ctx ctx, Element iq) { return request(std::move(ctx), std::move(iq)); },
          .post = [this](OutgoingReply reply) { return long_replies_.put(std::move(reply)); },
          .ask_what = asker()};
}

PubSub::Deps XmppChannelImpl::pubsub_deps() {
  const std::string own = local_part(config_.agent_name) + "@" + config_.link.address().domain();
  return {
      .config = config_,
      .channel = deps_,
      .turns = turns_,
      .gate = gate_,
      .stats = stats_,
      .request = [this](Ctx ctx, Element iq) { return request(std::move(ctx), std::move(iq)); },
      .own = component_ ? Jid::parse(own).value_or(config_.link.address()) : config_.link.address(),
      .entrypoints = entrypoints_,
      .with_from = component_};
}

Drafts::Deps XmppChannelImpl::drafts_deps() {
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

// The domain of the people is the server's; a component's own has nothing.
Uploads::Deps XmppChannelImpl::uploads_deps() {
  std::vector<std::string> domains = config_.allow.own_domains;
  const std::string own = config_.link.address().domain();
  if (component_) std::erase(domains, own);
  return {.files = deps_.files,
          .stats = stats_,
          .request = [this](Ctx ctx, Element iq) { return request(std::move(ctx), std::move(iq)); },
          .from = component_ ? config_.link.address() : Jid(),
          .domains = std::move(domains),
          .service = deps_.files ? deps_.files->config().upload_service : std::string()};
}

LongReplies::Deps XmppChannelImpl::long_replies_deps() {
  return {
      .journal = deps_.journal,
      .clock = deps_.xmpp.clock,
      .gate = gate_,
      .stats = stats_,
      .upload =
          [this](Ctx ctx, xmpp::SharedFile file, std::string bytes) {
            return uploads_.put(std::move(ctx), std::move(file), std::move(bytes));
          },
      .post =
          [this](OutgoingReply reply) {
            return reply.type == "groupchat" ? rooms_.say(std::move(reply))
                                             : outbox_.put(std::move(reply));
          },
      .is_posted = [this](const MessageId& id) { return outbox_.knows(id) || rooms_.knows(id); },
      .config = config_.long_reply,
      .items_max = config_.outbox_max};
}

XmppSeen XmppChannelImpl::seen() const {
  return {.config = config_,
          .link = link_.status(),
          .stats = stats_,
          .rooms = rooms_,
          .waiting = outbox_.size() + long_replies_.size(),
          .policy = admission_.allow_list().describe(),
          .now = deps_.xmpp.clock.now()};
}

Deferred::Deps XmppChannelImpl::deferred_deps() {
  return {.journal = deps_.journal,
          .clock = deps_.xmpp.clock,
          .gate = gate_,
          .post = [this](OutgoingReply reply) { return long_replies_.put(std::move(reply)); },
          .sent =
              [this](const OutgoingReply& reply, bool expired) {
                if (expired) ++stats_.deferred_expired;
                set_fate(reply.message.id.str(), Fate::kQueued);
              }};
}

Greeter::Deps XmppChannelImpl::greeter_deps() {
  return {.config = config_.presence,
          .clock = deps_.xmpp.clock,
          .say = [this](const Jid& address, const Jid& who,
                        std::string text) { return say_for_agent(address, who, std::move(text)); },
          .ask = [this](const Jid& address, const Jid& who, std::string text) -> Result<void> {
            AskAgent question{MessageId(mint_ulid()), component_ ? address : Jid(), who,
                              std::move(text)};
            gate_.spawn("xmpp presence prompt", prompt_agent(gate_.ctx(), std::move(question)));
            return {};
          },
          .file = config_.greeted_file};
}

AdHoc::Deps XmppChannelImpl::commands_deps() {
  return {
      .commands = deps_.commands,
      .gate = gate_,
      .clock = deps_.xmpp.clock,
      .stats = stats_,
      .may_act = [this](const Jid& who) { return admission_.may_act(who); },
      .may_look = [this](const Jid& who) { return may_ask(who) && !who.local().empty(); },
      .is_admin = [this](const Jid& who) { return admission_.is_admin(who); },
      .role_of = [this](const Jid& who) -> std::optional<Role> {
        if (!admission_.has_roles()) return std::nullopt;
        return admission_.role_of(who);
      },
      .say = [this](const Element& stanza) { say(stanza); },
      .ask = [this](Ctx ctx, AskAgent ask) { return ask_agent(std::move(ctx), std::move(ask)); }};
}

std::unique_ptr<Presence> XmppChannelImpl::make_presence() {
  PresenceDeps deps{
      .admission = admission_,
      .gate = gate_,
      .say = [this](const Element& stanza) { say(stanza); },
      .clock = deps_.xmpp.clock,
      .stats = stats_,
      .available = [this](const Jid& from) { return available(from); },
      .nick = [this](const Jid& from) { return entrypoints_.of(from).name; },
      .came_online = [this](const Jid& address, const Jid& who,
                            std::optional<Millis> away) { came_online(address, who, away); }};
  if (component_) return component_presence(std::move(deps), config_.subscribers_file);
  deps.before_presence = [this](Ctx ctx) { return catch_up_.run(std::move(ctx)); };
  deps.after_presence = [this](Ctx ctx) { return appeared(std::move(ctx)); };
  return client_presence(std::move(deps), config_.link.address(), config_.allow.addresses);
}

// What works here beside what the library answers itself.
void XmppChannelImpl::add_features(xmpp::Features& features) {
  for (std::string_view ns :
       {xmpp::kNsChatStates, xmpp::kNsReceipts, xmpp::kNsDelay, xmpp::kNsStanzaId, xmpp::kNsOob,
        kNsMarkers, xmpp::kNsCorrect, xmpp::kNsRetract, xmpp::kNsFallback, xmpp::kNsReactions,
        xmpp::kNsReply, xmpp::kNsFileSharing, xmpp::kNsFileMetadata, xmpp::kNsMuc,
        xmpp::kNsConference, xmpp::kNsCaps}) {
    features.announce(std::string(ns));
  }
  for (std::string& feature : signals_.features()) features.announce(std::move(feature));
  if (config_.styling) features.announce(std::string(kNsStyling));
  if (deps_.guest) deps_.guest->add_features(features);
  commands_.add_to(features);
  if (component_) {
    add_profile(features);
  } else {
    features.add(
        std::string(xmpp::kNsRoster), [this](const Element& iq) { return presence_->answer(iq); },
        false);
  }
}

// A component has no server that keeps its cards and pictures.
void XmppChannelImpl::add_profile(xmpp::Features& features) {
  auto of = [this](const Element& iq) -> const Entrypoint* {
    const auto peer = Jid::parse(iq.attribute("from"));
    return peer && may_ask(*peer) ? &entrypoints_.of(iq.attribute("to")) : nullptr;
  };
  features.add(std::string(kNsVcard), [of](const Element& iq) -> std::optional<Element> {
    const Entrypoint* at = of(iq);
    if (at == nullptr || iq.attribute("type") != "get") return std::nullopt;
    return xmpp::iq_result(iq).add(vcard_of(*at));
  });
  features.add(
      std::string(kNsPubsub),
      [of](const Element& iq) -> std::optional<Element> {
        const Entrypoint* at = of(iq);
        return at == nullptr ? std::nullopt : avatar_answer(iq, *at);
      },
      false);
  features.add_items(
      [this](const Element& iq, const std::string& node) { return address_items(iq, node); });
}

// The domain lists the addresses that have something of their own.
std::optional<std::vector<Element>> XmppChannelImpl::address_items(const Element& iq,
                                                                   const std::string& node) {
  const auto asked = Jid::parse(iq.attribute("to"));
  if (!node.empty() || !asked || !asked->local().empty()) return std::nullopt;
  std::vector<Element> items;
  for (const Entrypoint* one : entrypoints_.all()) {
    Element item("item", std::string(xmpp::kNsDiscoItems));
    items.push_back(item.set("jid", one->address.str()).set("name", one->name));
  }
  return items;
}

xmpp::Identity XmppChannelImpl::identity() {
  return {.name = config_.agent_name,
          .component = component_,
          .version = deps_.version,
          .started = deps_.xmpp.clock.now(),
          .may_ask = [this](const Jid& peer) { return may_ask(peer); },
          .name_of = [this](std::string_view address) { return entrypoints_.of(address).name; }};
}

// People who may talk to us, the servers between them and us, and our own account: a server may ask
// in its name what our presence's hash stands for (ejabberd), and sends events only to who answers.
bool XmppChannelImpl::may_ask(const Jid& peer) {
  if (!component_ && peer.bare() == config_.link.address().bare()) return true;
  if (deps_.guest && deps_.guest->may_ask(peer)) return true;
  if (peer.local().empty())
    return std::ranges::find(config_.allow.own_domains, peer.domain()) !=
           config_.allow.own_domains.end();
  return admission_.permits(peer);
}

xmpp::Link::Handlers XmppChannelImpl::handlers() {
  return {.up = [this](xmpp::Session& session) { up(session); },
          .stanza =
              [this](Element stanza) {
                inbound_.take(std::move(stanza), session_ ? session_->hold() : nullptr);
              },
          .down = [this](const Error&) { down(); },  // the link has logged why
          .gave_up = [this](const xmpp::SessionEnd& end) { gave_up(end); }};
}

}  // namespace skep::channels
