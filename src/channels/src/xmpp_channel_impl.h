// The XMPP node's parts, wired to one link. xmpp_channel.cc is its life, xmpp_wiring.cc says what
// each part is given, xmpp_unasked.cc what is said without a question, xmpp_status.cc what is
// shown.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adhoc.h"
#include "answers.h"
#include "catch_up.h"
#include "deferred.h"
#include "drafts.h"
#include "entrypoints.h"
#include "extras.h"
#include "greeter.h"
#include "inbound.h"
#include "long_replies.h"
#include "outbox.h"
#include "pubsub.h"
#include "rooms.h"
#include "signals.h"
#include "skep/channels/xmpp_channel.h"
#include "xmpp_status.h"

namespace skep::channels {

class XmppChannelImpl final : public XmppChannel {
 public:
  XmppChannelImpl(XmppChannelConfig config, XmppChannelDeps deps, Entrypoints entrypoints);

  static constexpr std::size_t kQuestionsMax = 1000;  // a thumb on an older one is a reaction

  std::string kind() const override { return "xmpp"; }
  XmppChannelStats stats() const override { return stats_; }
  std::string rooms_command(std::string_view command, std::string_view arguments) override {
    return rooms_.command(command, arguments);
  }
  const RoomConfig* room_config(std::string_view peer) const override {
    return rooms_.config_of(peer);
  }
  void start() override;
  Result<void> deliver(Message message) override;
  Task<void> close(Ctx ctx) override;
  std::vector<std::string> status_lines(bool admin) const override {
    return channels::status_lines(seen(), admin);
  }
  json::object status() const override { return status_object(seen()); }
  Result<void> react(const std::string& turn, std::vector<std::string> emojis) override {
    return extras_.react(turn, std::move(emojis));
  }
  Task<Result<void>> share(Ctx ctx, std::string turn, OutgoingFile file) override {
    return extras_.share(std::move(ctx), std::move(turn), std::move(file));
  }

  Task<Result<xmpp::SharedFile>> upload(Ctx ctx, xmpp::SharedFile file,
                                        std::string bytes) override {
    return uploads_.put(std::move(ctx), std::move(file), std::move(bytes));
  }
  std::string signals_of(const std::string& peer) override { return signals_.line(peer); }
  void reload(identity::AllowListConfig allow) override;
  void access_changed(const std::string& address) override;
  Result<Posted> post(Unasked unasked) override;
  Fate fate(const MessageId& id) override;
  Contact contact(std::string_view address) const override;
  bool is_admin(std::string_view address) const override {
    return admission_.allow_list().is_admin(address);
  }

 private:
  Turns::Deps turns_deps();
  Outbox::Deps outbox_deps();
  CatchUp::Deps catch_up_deps();
  Inbound::Deps inbound_deps();
  Rooms::Deps rooms_deps();
  PubSub::Deps pubsub_deps();
  Drafts::Deps drafts_deps();
  Uploads::Deps uploads_deps();
  LongReplies::Deps long_replies_deps();
  XmppSeen seen() const;
  Deferred::Deps deferred_deps();
  Answers::Deps answers_deps();
  Task<Result<void>> hand_back(Ctx ctx, Message message, xmpp::Jid from);
  Result<void> await_answer(const Unasked& unasked, const OutgoingReply& out);
  Greeter::Deps greeter_deps();
  AdHoc::Deps commands_deps();
  std::function<void(const xmpp::Jid&, const xmpp::Jid&)> asker();
  std::unique_ptr<Presence> make_presence();
  xmpp::Identity identity();
  xmpp::Link::Handlers handlers();
  void add_features(xmpp::Features& features);
  void add_profile(xmpp::Features& features);
  std::optional<std::vector<xmpp::Element>> address_items(const xmpp::Element& iq,
                                                          const std::string& node);
  bool may_ask(const xmpp::Jid& peer);

  void remember_unfinished();
  void up(xmpp::Session& session);
  void down();
  void gave_up(const xmpp::SessionEnd& end);
  void say(const xmpp::Element& stanza);
  xmpp::Element available(const xmpp::Jid& from);
  void came_online(const xmpp::Jid& address, const xmpp::Jid& who, std::optional<Millis> was_away);
  void progress(const Message& message);
  Result<void> reply(Message message);
  Result<void> question(Message message);
  Result<void> put(Message message, const Asked& asked, std::vector<Choice> choices,
                   const std::string& draft);
  void finished(const OutgoingReply& reply, bool sent);
  Result<OutgoingReply> to_outgoing(Unasked unasked);
  void tell_agent(const OutgoingReply& said);
  Result<void> say_for_agent(const xmpp::Jid& address, const xmpp::Jid& who, std::string text);
  Task<Result<void>> ask_agent(Ctx ctx, AskAgent question);
  Task<void> prompt_agent(Ctx ctx, AskAgent question);
  Task<void> appeared(Ctx ctx);
  void tell_admins(const identity::AccessEntry& entry);
  void on_receipt(const std::string& id, const xmpp::Jid& by);
  void set_fate(const std::string& id, Fate fate);
  Task<Result<xmpp::Element>> request(Ctx ctx, xmpp::Element iq);
  Task<bool> on_event(Ctx ctx, xmpp::Element message);
  Task<Result<void>> ping(Ctx ctx);
  Task<void> ask_what(Ctx ctx, xmpp::Jid who, xmpp::Jid from);
  Task<void> block_on_server(Ctx ctx, xmpp::Jid who, bool blocked);

  const XmppChannelConfig config_;
  XmppChannelDeps deps_;
  const Entrypoints entrypoints_;
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
  Deferred deferred_;
  Answers answers_;
  Greeter greeter_;
  AdHoc commands_;
  struct Known {
    Fate fate = Fate::kUnknown;
    xmpp::Jid to;  // bare
  };
  BoundedMap<Known> fates_{kFatesMax};
  BoundedMap<std::string> questions_{kQuestionsMax};  // id of our message -> of the question
  Rooms rooms_;
  Signals signals_;
  PubSub pubsub_;
  Drafts drafts_;
  Uploads uploads_;
  LongReplies long_replies_;  // in front of both outboxes
  ExtrasSender extras_;
  Inbound inbound_;
  xmpp::Link link_;
};

}  // namespace skep::channels
