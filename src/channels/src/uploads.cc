#include "uploads.h"

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

constexpr std::string_view kNsInfo = "http://jabber.org/protocol/disco#info";
constexpr std::string_view kNsItems = "http://jabber.org/protocol/disco#items";

Element query(const Jid& from, const Jid& to, std::string_view ns) {
  Element iq = xmpp::make_iq(from, to, "get", "");
  return std::move(iq.add(Element("query", std::string(ns))));
}

bool is_below(std::string_view host, std::string_view domain) {
  return host == domain || (host.ends_with(domain) && host.size() > domain.size() &&
                            host[host.size() - domain.size() - 1] == '.');
}

}  // namespace

Task<std::optional<Uploads::Service>> Uploads::ask(Ctx ctx, std::string address) {
  const auto jid = Jid::parse(address);
  if (!jid) co_return std::nullopt;
  Element iq = query(deps_.from, *jid, kNsInfo);
  const Ctx bounded = ctx.within(kAskTimeout);
  const auto info = co_await deps_.request(bounded, std::move(iq));
  if (!info) co_return std::nullopt;
  const xmpp::UploadService found = xmpp::read_upload_service(*info);
  if (!found.uploads) co_return std::nullopt;
  co_return Service{*jid, found.file_bytes_max};
}

Task<std::vector<std::string>> Uploads::items_of(Ctx ctx, std::string domain) {
  std::vector<std::string> items;
  const auto jid = Jid::parse(domain);
  if (!jid) co_return items;
  Element iq = query(deps_.from, *jid, kNsItems);
  const Ctx bounded = ctx.within(kAskTimeout);
  const auto answer = co_await deps_.request(bounded, std::move(iq));
  const Element* list = answer ? answer->child("query", kNsItems) : nullptr;
  if (list == nullptr) co_return items;
  for (const Element* item : list->children()) {
    // A service has a domain of its own; accounts and rooms do not upload.
    if (item->name != "item" || item->attribute("jid").contains('@')) continue;
    if (items.size() < kItemsMax) items.emplace_back(item->attribute("jid"));
  }
  co_return items;
}

Task<Result<Uploads::Service>> Uploads::find(Ctx ctx) {
  if (service_) co_return *service_;
  std::vector<std::string> candidates;
  if (!deps_.service.empty()) {
    candidates.push_back(deps_.service);
  } else {
    for (const std::string& domain : deps_.domains) {
      candidates.push_back(domain);
      for (std::string& item : co_await items_of(ctx, domain))
        candidates.push_back(std::move(item));
    }
  }
  for (const std::string& candidate : candidates) {
    service_ = co_await ask(ctx, candidate);
    if (service_) co_return *service_;
  }
  co_return fail(Code::kUnsupported, "the XMPP server has no upload service for us");
}

// A slot is a claim of whoever answered. Its addresses must be such that we would go there anyway,
// and people must not be sent to a third place.
Result<void> Uploads::check(const Service& service, const xmpp::UploadSlot& slot) {
  const attachments::AttachmentsConfig& config = deps_.files->config();
  for (const std::string& url : {slot.put, slot.get}) {
    if (auto good = config.check_url(url); !good)
      return fail(Code::kDenied, "the upload service gave an address that may not be used: " +
                                     good.error().message);
  }
  const std::string put = net::host_of(slot.put);
  const std::string get = net::host_of(slot.get);
  const net::EgressGuard guard(config.egress());
  if (put == get || guard.is_allowed_by_operator(slot.get) ||
      is_below(get, service.address.domain()))
    return {};
  return fail(Code::kDenied, "the upload service would send people to another host, " + get);
}

Task<Result<void>> Uploads::send(Ctx ctx, xmpp::UploadSlot slot, std::string media_type,
                                 std::string bytes) {
  net::HttpRequest request{.method = "PUT",
                           .url = slot.put,
                           .headers = std::move(slot.headers),
                           .body = std::move(bytes),
                           .connect_timeout = std::chrono::seconds(10),
                           .first_byte_timeout = kPutTimeout,
                           .body_bytes_max = 64u << 10,
                           .guarded = true,
                           .ca_file = deps_.files->config().ca_file};
  request.headers.emplace_back("Content-Type", std::move(media_type));
  const Ctx bounded = ctx.within(kPutTimeout);
  const auto response = co_await deps_.files->http().fetch(bounded, std::move(request));
  if (!response)
    co_return fail(response.error().code, "the upload failed: " + response.error().message);
  if (response->status < 200 || response->status > 299) {
    co_return fail(Code::kUnavailable,
                   fmt::format("the upload was answered with {}", response->status));
  }
  co_return Result<void>();
}

Task<Result<xmpp::SharedFile>> Uploads::put(Ctx ctx, xmpp::SharedFile file, std::string bytes) {
  if (deps_.files == nullptr) co_return fail(Code::kUnsupported, "nothing is uploaded here");
  SKEP_CO_TRY(const Service service, co_await find(ctx));
  file.size = bytes.size();
  file.sha256 = hex_encode(sha256(bytes));
  if (service.file_bytes_max > 0 && file.size > service.file_bytes_max) {
    co_return fail(Code::kTooLarge, fmt::format("the upload service takes files up to {} only",
                                                human_size(service.file_bytes_max)));
  }
  Element iq = xmpp::make_iq(deps_.from, service.address, "get", "");
  iq.add(xmpp::make_slot_request(file));
  const Ctx bounded = ctx.within(kAskTimeout);
  auto answer = co_await deps_.request(bounded, std::move(iq));
  if (!answer) {
    ++deps_.stats.upload_failures;
    co_return fail(answer.error().code,
                   "the upload service gave no slot: " + answer.error().message);
  }
  SKEP_CO_TRY(xmpp::UploadSlot slot, xmpp::read_slot(*answer));
  if (auto good = check(service, slot); !good) {
    ++deps_.stats.false_slots;
    log::warn("xmpp", "{}: {}", service.address.str(), good.error().to_string());
    co_return fail(good.error());
  }
  file.url = slot.get;
  auto sent = co_await send(std::move(ctx), std::move(slot), file.media_type, std::move(bytes));
  if (!sent) {
    ++deps_.stats.upload_failures;
    co_return fail(sent.error());
  }
  ++deps_.stats.uploads;
  co_return file;
}

}  // namespace skep::channels
