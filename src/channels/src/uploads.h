// Where files go before they can be sent: the server's upload service (XEP-0363).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skep/attachments/attachments.h"
#include "skep/channels/xmpp_channel.h"
#include "skep/xmpp/shared_files.h"

namespace skep::channels {

// Loop thread only.
class Uploads {
 public:
  static constexpr std::size_t kItemsMax = 20;  // of a server; further ones are not asked
  static constexpr std::chrono::seconds kAskTimeout{15};
  static constexpr std::chrono::seconds kPutTimeout{120};

  struct Deps {
    attachments::Attachments* files = nullptr;  // null: nothing is uploaded
    XmppChannelStats& stats;
    std::function<Task<Result<xmpp::Element>>(Ctx, xmpp::Element)> request;
    xmpp::Jid from;                    // of a component; empty for an account
    std::vector<std::string> domains;  // servers that may have the service
    std::string service;               // the configured one; empty: it is looked for
  };
  explicit Uploads(Deps deps) : deps_(std::move(deps)) {}

  void down() { service_.reset(); }  // another server may come
  // `file.size` and `file.sha256` are set here. Its URL is where others can fetch it. kUnsupported:
  // there is no service; kTooLarge: for it; kDenied: it gave an address that may not be used.
  Task<Result<xmpp::SharedFile>> put(Ctx ctx, xmpp::SharedFile file, std::string bytes);

 private:
  struct Service {
    xmpp::Jid address;
    std::uint64_t file_bytes_max = 0;
  };
  Task<Result<Service>> find(Ctx ctx);
  Task<std::optional<Service>> ask(Ctx ctx, std::string address);
  Task<std::vector<std::string>> items_of(Ctx ctx, std::string domain);
  Result<void> check(const Service& service, const xmpp::UploadSlot& slot);
  Task<Result<void>> send(Ctx ctx, xmpp::UploadSlot slot, std::string media_type,
                          std::string bytes);

  Deps deps_;
  std::optional<Service> service_;
};

}  // namespace skep::channels
