#include "federation_side.h"

namespace skep::kernel {

Result<std::unique_ptr<federation::Federation>> open_federation(FederationGround ground) {
  const KernelConfig& config = ground.config;
  if (!config.federation.wanted() || !config.xmpp) return nullptr;
  const Name node = Name::from_label(NodeType::kAgent, config.agent.name, config.hive);
  const xmpp::XmppConfig& link = config.xmpp->link;
  federation::FederationDeps deps{.loop = ground.loop,
                                  .clock = Clock::system(),
                                  .journal = ground.journal,
                                  .db = ground.db,
                                  .toolbox = ground.toolbox,
                                  .ledger = ground.ledger,
                                  .authority = ground.authority.authority(),
                                  .approvals = ground.authority.approvals(),
                                  .audit = ground.authority.audit(),
                                  .out = ground.out,
                                  .agent = std::move(ground.agent),
                                  .agent_node = std::string(node.base()),
                                  .agent_name = config.agent.name,
                                  .own = link.address(),
                                  .component = link.mode == xmpp::XmppConfig::Mode::kComponent,
                                  .is_admin = std::move(ground.is_admin),
                                  .upload = std::move(ground.upload)};
  if (attachments::Attachments* files = ground.files; files != nullptr) {
    deps.fetch = [files](Ctx ctx, std::string url, std::uint64_t bytes_max) {
      return files->fetch(std::move(ctx), std::move(url), bytes_max);
    };
  }
  SKEP_TRY(auto federation, federation::Federation::open(config.federation, std::move(deps)));
  for (std::unique_ptr<tools::Tool>& tool : federation->tools())
    SKEP_TRY_VOID(ground.toolbox.add(std::move(tool)));
  return federation;
}

channels::XmppGuest guest_of(federation::Federation& federation) {
  return {
      .add_features = [&federation](xmpp::Features& all) { federation.add_features(all); },
      .may_ask = [&federation](const xmpp::Jid& peer) { return federation.may_ask(peer); },
      .link = [&federation](xmpp::Session* session) { federation.link(session); },
      .take = [&federation](Ctx ctx,
                            const xmpp::Element& stanza) { return federation.take(ctx, stanza); }};
}

}  // namespace skep::kernel
