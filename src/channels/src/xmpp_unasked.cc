// What is said without a question: messages to people who did not ask, greetings, what waits for
// somebody to come online; and who may hear and be heard, when that changes.
#include "profile.h"
#include "skep/base/log.h"
#include "xmpp_channel_impl.h"

namespace skep::channels {

using xmpp::Element;
using xmpp::Jid;

namespace {

constexpr std::string_view kNsBlocking = "urn:xmpp:blocking";  // XEP-0191
constexpr std::chrono::seconds kBlockTimeout{30};

}  // namespace

Element XmppChannelImpl::available(const Jid& from) {
  Element presence("presence", std::string(xmpp::kNsClient));
  const std::string address = from.empty() ? config_.link.address().str() : from.str();
  if (component_) presence.set("from", address);
  presence.add(link_.features().caps(address));
  if (component_) presence.add(vcard_update(entrypoints_.of(from)));
  return presence;
}

void XmppChannelImpl::came_online(const Jid& address, const Jid& who,
                                  std::optional<Millis> was_away) {
  deferred_.came_online(who);
  if (!presence_->availability().free_to_talk(who)) return;
  if (greeter_.came_online(address, who, was_away)) ++stats_.greetings;
}

Result<OutgoingReply> XmppChannelImpl::to_outgoing(Unasked unasked) {
  SKEP_TRY(const Jid to, Jid::parse(unasked.to));
  Jid from;
  if (component_) {
    const Jid* usual = inbound_.address_for(unasked.behalf_of);
    if (usual == nullptr) usual = inbound_.address_for(to.bare().str());
    from = usual == nullptr ? config_.link.address() : *usual;
    if (!unasked.from.empty()) {
      SKEP_TRY(from, Jid::parse(unasked.from));
    }
    if (from.domain() != config_.link.address().domain())
      return fail(Code::kInvalid, from.str() + " is no address of ours");
  }
  Message message;
  message.id = std::move(unasked.id);
  message.kind = Kind::kReply;
  message.sent_at = deps_.xmpp.clock.now();
  message.conversation = {.channel = "xmpp",
                          .peer = to.bare().str(),
                          .thread = std::move(unasked.thread),
                          .entrypoint = entrypoints_.of(from).id};
  message.reply_address = {.from = from.empty() ? std::string() : from.str(), .to = to.str()};
  message.parts = {TextPart{std::move(unasked.text)}};
  return OutgoingReply{.message = std::move(message),
                       .chat_state = false,
                       .with_from = component_,
                       .styling = config_.styling,
                       .bytes_max = config_.reply_bytes_max,
                       .choices = std::move(unasked.choices),
                       .wants_receipt = true,
                       .automatic = unasked.automatic};
}

Result<Posted> XmppChannelImpl::post(Unasked unasked) {
  const bool may_wait = unasked.wait_until_online;
  const bool noted = unasked.noted;
  const std::string question = unasked.question;
  SKEP_TRY(OutgoingReply out, to_outgoing(unasked));
  SKEP_TRY(const Jid to, Jid::parse(out.message.reply_address.to));
  const std::string id = out.message.id.str();
  if (!question.empty()) questions_.touch(id) = question;
  if (rooms_.is_for_room(out.message)) {
    out.message.reply_address.to = to.bare().str();
    SKEP_TRY_VOID(rooms_.reply(std::move(out.message), Asked{.type = "groupchat"}));
    fates_.touch(id) = {Fate::kQueued, to.bare()};
    return Posted::kQueued;
  }
  const Contact contact = presence_->contact(to);
  const bool waits = may_wait && contact.mutual && !contact.online;
  SKEP_TRY_VOID(await_answer(unasked, out));
  const OutgoingReply said = out;
  const Result<void> taken =
      waits ? deferred_.put(std::move(out), deps_.xmpp.clock.now() + config_.presence.deferred_max)
            : long_replies_.put(std::move(out));
  if (!taken) {
    answers_.give_up(id);
    return fail(taken.error());
  }
  if (waits) ++stats_.deferred;
  if (fates_.find(id) == nullptr)
    fates_.touch(id) = {waits ? Fate::kWaits : Fate::kQueued, to.bare()};
  if (noted) tell_agent(said);
  return waits ? Posted::kWaits : Posted::kQueued;
}

// The recipient may answer, and then the agent should know what was said to them. As a remark, not
// as words of its own: a conversation that begins with these is cut there for the model.
void XmppChannelImpl::tell_agent(const OutgoingReply& said) {
  Message note = said.message;
  note.kind = Kind::kUser;
  note.id = MessageId(mint_ulid());
  note.dst = entrypoints_.of(said.message.reply_address.from).agent;
  note.parts = {TextPart{
      fmt::format("(You wrote to them, without being asked: {})", text_of(said.message.parts))}};
  put_aside(note, Aside{Aside::What::kHeard, {}});
  if (auto told = deps_.out.deliver(std::move(note)); !told)
    log::info("xmpp", "the agent does not note what was said to {}: {}",
              said.message.reply_address.to, told.error().to_string());
}

Fate XmppChannelImpl::fate(const MessageId& id) {
  const Known* known = fates_.find(id.str());
  return known == nullptr ? Fate::kUnknown : known->fate;
}

// An error that comes after a receipt is of another device.
void XmppChannelImpl::set_fate(const std::string& id, Fate fate) {
  if (Known* known = fates_.find(id); known != nullptr && known->fate != Fate::kDelivered)
    known->fate = fate;
}

// Anybody may claim to have had it.
void XmppChannelImpl::on_receipt(const std::string& id, const Jid& by) {
  const Known* known = fates_.find(id);
  if (known != nullptr && known->to == by.bare()) set_fate(id, Fate::kDelivered);
}

Contact XmppChannelImpl::contact(std::string_view address) const {
  const auto who = Jid::parse(address);
  if (!who) return {};
  Message probe;
  probe.conversation.peer = who->bare().str();
  probe.reply_address.to = who->bare().str();
  Contact contact = presence_->contact(*who);
  contact.room = rooms_.is_for_room(probe);
  return contact;
}

Result<void> XmppChannelImpl::say_for_agent(const Jid& address, const Jid& who, std::string text) {
  Unasked greeting{.id = MessageId(mint_ulid()),
                   .from = component_ ? address.str() : std::string(),
                   .to = who.str(),
                   .text = std::move(text)};
  SKEP_TRY_VOID(post(std::move(greeting)));
  return {};
}

Task<void> XmppChannelImpl::prompt_agent(Ctx ctx, AskAgent question) {
  const std::string who = question.who.str();
  const auto asked = co_await ask_agent(std::move(ctx), std::move(question));
  if (!asked)
    log::warn("xmpp", "the agent is not told that {} is there: {}", who, asked.error().to_string());
}

// As a message of theirs, so that its answer goes to them.
Task<Result<void>> XmppChannelImpl::ask_agent(Ctx ctx, AskAgent question) {
  const std::string who = question.who.bare().str();
  SKEP_CO_TRY(const Ilk ilk, co_await deps_.directory.resolve(std::move(ctx), "xmpp", who));
  xmpp::ChatMessage chat;
  chat.from = question.who;
  chat.to = question.address;
  chat.body = std::move(question.text);
  chat.has_body = true;
  const Entrypoint& at = entrypoints_.of(question.address);
  Message message = to_message(chat, ilk, at.agent, deps_.xmpp.clock.now());
  message.id = std::move(question.id);
  message.trace = message.id.str();
  message.conversation.entrypoint = at.id;
  admission_.mark_role(message, question.who);
  if (!component_) message.reply_address.from.clear();
  co_return deps_.out.deliver(std::move(message));
}

void XmppChannelImpl::tell_admins(const identity::AccessEntry& entry) {
  for (const std::string& admin : admission_.allow_list().administrators()) {
    Unasked news{.id = MessageId(mint_ulid()),
                 .to = admin,
                 .text = fmt::format("{} has paired with a code of {}. /block {} shuts them out.",
                                     entry.address, entry.by, entry.address),
                 .noted = false};
    if (auto told = post(std::move(news)); !told)
      log::warn("xmpp", "{} is not told: {}", admin, told.error().to_string());
  }
}

void XmppChannelImpl::reload(identity::AllowListConfig allow) {
  allow.own_domains = config_.allow.own_domains;
  admission_.reload(std::move(allow));
  log::info("xmpp", "{}: {}", config_.link.address().str(), admission_.allow_list().describe());
  presence_->access_changed();
}

void XmppChannelImpl::access_changed(const std::string& address) {
  presence_->access_changed();
  const auto who = Jid::parse(address.starts_with('@') ? address.substr(1) : address);
  if (component_ || !who || deps_.access == nullptr) return;
  const bool blocked = deps_.access->of(address) == identity::Access::Standing::kBlocked;
  gate_.spawn("xmpp block", block_on_server(gate_.ctx(), *who, blocked));
}

// XEP-0191: then they do not even see whether we are there. Ours holds in any case.
Task<void> XmppChannelImpl::block_on_server(Ctx ctx, Jid who, bool blocked) {
  Element iq = xmpp::make_iq(Jid(), Jid(), "set", "");
  Element list(blocked ? "block" : "unblock", std::string(kNsBlocking));
  Element item("item", list.ns);
  iq.add(std::move(list.add(std::move(item.set("jid", who.str())))));
  const Ctx bounded = ctx.within(kBlockTimeout);
  const auto done = co_await request(bounded, std::move(iq));
  if (!done)
    log::info("xmpp", "the server keeps no list of blocked people for us: {}",
              done.error().to_string());
}

}  // namespace skep::channels
