// Agents of other domains, where [federation] names any.
#pragma once

#include "skep/channels/xmpp_channel.h"
#include "skep/federation/federation.h"
#include "skep/kernel/kernel.h"

namespace skep::kernel {

// What of the kernel the federation stands on; all of it outlives the federation.
struct FederationGround {
  Loop& loop;
  const KernelConfig& config;
  store::Journal& journal;
  store::Db& db;
  tools::Toolbox& toolbox;
  memory::Ledger& ledger;
  AuthoritySide& authority;
  Inbox& out;
  Destination agent;
  std::function<bool(const Conversation&)> is_admin;
  // Called once the channel is there.
  std::function<Task<Result<xmpp::SharedFile>>(Ctx, xmpp::SharedFile, std::string)> upload;
  attachments::Attachments* files = nullptr;
};
// nullptr: nobody is named, or there is no XMPP. Adds its tools to the toolbox.
Result<std::unique_ptr<federation::Federation>> open_federation(FederationGround ground);
// Its place on the XMPP link. The federation outlives the channel.
channels::XmppGuest guest_of(federation::Federation& federation);

}  // namespace skep::kernel
